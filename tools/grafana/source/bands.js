// A state timeline's bands: from when until when a series had one state, its text and its colour.
//
// Grafana does not export the panel itself, only what makes text and colour of a value, so the rules that the panel adds
// stand here: equal neighbours are one band where mergeValues is on, and a field whose colour comes from thresholds shows
// the thresholds' ranges then, not its own words. A gap longer than one step shows as a gap.
import { FieldColorModeId, FieldType, formattedValueToString, getActiveThreshold, getFieldDisplayName } from '@grafana/data';

const edge = (value) => (value === -Infinity || value === null ? '-∞' : String(value));

function ranged(field, value, theme) {
  const { steps } = field.config.thresholds;
  const active = getActiveThreshold(value, steps);
  const next = steps[steps.indexOf(active) + 1];
  return { text: next ? `${edge(active.value)} - ${edge(next.value)}` : `${edge(active.value)}+`, color: theme.visualization.getColorByName(active.color) };
}

function state(panel, field, value, theme) {
  if (panel.options.mergeValues && field.config.color?.mode === FieldColorModeId.Thresholds && field.config.thresholds?.steps.length) {
    return ranged(field, value, theme);
  }
  const display = field.display(value);
  return { text: formattedValueToString(display), color: display.color };
}

/** One entry for each series: name and bands {from, to, text, color}, times in milliseconds. */
export function bands(panel, frames, theme) {
  return frames.flatMap((frame) => {
    const time = frame.fields.find((field) => field.type === FieldType.time);
    const step = time.config.interval ?? 0;
    return frame.fields
      .filter((field) => field.type !== FieldType.time)
      .map((field) => {
        const found = [];
        time.values.forEach((at, index) => {
          const value = field.values[index];
          if (value === null || value === undefined) {
            return;
          }
          const last = found[found.length - 1];
          const here = state(panel, field, value, theme);
          const follows = last && at - last.last <= step * 1.5;
          if (follows) {
            last.to = at;
          }
          if (follows && panel.options.mergeValues && last.text === here.text && last.color === here.color) {
            last.last = at;
            last.to = at + step;
          } else {
            found.push({ from: at, last: at, to: at + step, ...here });
          }
        });
        return { name: getFieldDisplayName(field, frame, frames), bands: found.map(({ last, ...one }) => one) };
      });
  });
}
