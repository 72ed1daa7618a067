// Computed fields in, plain values out: the tiles, cells and series that a person sees, with text and colour.
import { FieldType, formattedValueToString, getFieldDisplayName, getFieldDisplayValues } from '@grafana/data';

import { bands } from './bands.js';
import { buckets } from './buckets.js';
import { replaced } from './variables.js';

const written = (field, value) => {
  const display = field.display(value);
  return { text: formattedValueToString(display), color: display.color ?? '' };
};

/** Tiles of a stat, bars of a bar gauge. */
export function tiles(panel, frames, asked, theme) {
  return getFieldDisplayValues({
    data: frames,
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: replaced(asked),
    theme,
    timeZone: 'utc',
  });
}

function lines(frame) {
  return Array.from({ length: frame.length }, (_, line) =>
    frame.fields.map((field) => {
      const value = field.values[line];
      const links = (field.getLinks?.({ valueRowIndex: line }) ?? []).map((link) => link.href);
      return { value: value ?? null, ...written(field, value), ...(links.length ? { links } : {}) };
    })
  );
}

function columns(frame, frames) {
  return frame.fields.map((field) => ({
    name: getFieldDisplayName(field, frame, frames),
    type: field.type,
    unit: field.config.unit ?? '',
    width: field.config.custom?.width ?? null,
    inspect: field.config.custom?.inspect ?? false,
    cell: field.config.custom?.cellOptions?.type ?? 'auto',
    wrap: field.config.custom?.cellOptions?.wrapText ?? false,
    noValue: field.config.noValue ?? null,
    linked: (field.config.links ?? []).length > 0,
  }));
}

/** What a panel shows. `empty`: the sentence in its place where it has nothing to show, else null. */
export function shown(panel, frames, asked, theme) {
  const sentence = panel.fieldConfig.defaults.noValue ?? 'No data';
  const bare = frames.every((frame) => frame.length === 0);
  switch (panel.type) {
    case 'stat':
    case 'bargauge': {
      const found = tiles(panel, frames, asked, theme);
      const one = ({ display, name }) => ({ name: display.title ?? name, text: formattedValueToString(display), color: display.color ?? '', value: Number.isNaN(display.numeric) ? null : display.numeric });
      return { empty: bare ? sentence : null, tiles: found.map(one) };
    }
    case 'table':
      if (frames.length > 1) {
        return { empty: null, several: frames.length, columns: columns(frames[0], frames), lines: lines(frames[0]) };
      }
      return { empty: bare ? sentence : null, columns: bare ? [] : columns(frames[0], frames), lines: bare ? [] : lines(frames[0]) };
    case 'state-timeline':
      return { empty: bare ? sentence : null, bands: bare ? [] : bands(panel, frames, theme) };
    case 'histogram':
      return { empty: bare ? sentence : null, buckets: bare ? [] : buckets(panel, frames) };
    default:
      return {
        empty: bare ? sentence : null,
        series: frames.flatMap((frame) =>
          frame.fields
            .filter((field) => field.type === FieldType.number)
            .map((field) => ({
              name: getFieldDisplayName(field, frame, frames),
              color: theme.visualization.getColorByName(field.config.color?.fixedColor ?? '') ?? '',
              mode: field.config.color?.mode ?? '',
              last: field.values.length ? written(field, field.values[field.values.length - 1]) : null,
              points: field.values.length,
            }))
        ),
      };
  }
}
