// Drawings of ours, of values that Grafana's packages have computed: the panels that they do not export.
import { FieldType, formattedValueToString } from '@grafana/data';
import { VizLegend } from '@grafana/ui';
import React from 'react';

import { bands } from './bands.js';
import { buckets } from './buckets.js';

const LEGEND = 34;
const AXIS = 22;
const letters = (theme) => ({ fontFamily: theme.typography.fontFamily, fontSize: 12, fill: theme.colors.text.primary });

function moments({ from, to }, count) {
  const minutes = [1, 2, 5, 10, 15, 30, 60, 180, 360, 720, 1440, 2880, 10080];
  const step = 60000 * (minutes.find((one) => (to - from) / (60000 * one) <= count) ?? 43200);
  const first = Math.ceil(from / step) * step;
  return Array.from({ length: Math.floor((to - first) / step) + 1 }, (_, number) => first + number * step);
}

const clock = (at, span) => (span > 2 * 86400e3 ? new Date(at).toISOString().slice(5, 10).replace('-', '/') : new Date(at).toISOString().slice(11, 16));

function TimeAxis({ range, theme, left, width, y }) {
  return moments(range, width / 90).map((at) => (
    <text key={at} x={left + ((at - range.from) / (range.to - range.from)) * width} y={y} textAnchor="middle" {...letters(theme)}>
      {clock(at, range.to - range.from)}
    </text>
  ));
}

/** A text that is cut with an ellipsis where it does not fit, as Grafana cuts axis labels. */
function cut(text, room, context) {
  if (context.measureText(text).width <= room) {
    return text;
  }
  let end = text.length;
  while (end > 0 && context.measureText(`${text.slice(0, end)}…`).width > room) {
    end -= 1;
  }
  return end > 1 ? `${text.slice(0, end)}…` : '';
}

function measure() {
  const context = document.createElement('canvas').getContext('2d');
  context.font = '12px Inter';
  return context;
}

export function Bands({ asked, panel, frames, theme, width, height }) {
  const rows = bands(panel, frames, theme);
  const context = measure();
  const left = Math.min(Math.max(...rows.map((row) => context.measureText(row.name).width)) + 16, width * 0.45);
  const legend = [...new Map(rows.flatMap((row) => row.bands).map((one) => [one.text, one.color]))];
  const body = height - LEGEND - AXIS;
  const row = body / rows.length;
  const x = (at) => left + ((Math.min(Math.max(at, asked.range.from), asked.range.to) - asked.range.from) / (asked.range.to - asked.range.from)) * (width - left);
  const showing = panel.options.showValue !== 'never';
  return (
    <div>
      <svg width={width} height={height - LEGEND}>
        {rows.map((one, number) => (
          <g key={number}>
            <text x={left - 8} y={row * (number + 0.5) + 4} textAnchor="end" {...letters(theme)}>
              {cut(one.name.trim(), left - 8, context)}
            </text>
            {one.bands.map((band, index) => (
              <g key={index}>
                <rect x={x(band.from)} width={Math.max(1, x(band.to) - x(band.from))} y={row * number + row * 0.1} height={row * 0.8} fill={band.color} fillOpacity={panel.fieldConfig.defaults.custom.fillOpacity / 100} stroke={band.color} />
                {showing && row > 14 && (
                  <text x={x(band.from) + 4} y={row * (number + 0.5) + 4} {...letters(theme)} fill={theme.colors.getContrastText(band.color)}>
                    {cut(band.text, x(band.to) - x(band.from) - 8, context)}
                  </text>
                )}
              </g>
            ))}
          </g>
        ))}
        <TimeAxis range={asked.range} theme={theme} left={left} width={width - left} y={body + 16} />
      </svg>
      <Legend items={legend} />
    </div>
  );
}

function Legend({ items }) {
  return <VizLegend displayMode="list" placement="bottom" items={items.map(([label, color]) => ({ label, color, yAxis: 1 }))} />;
}

export function Buckets({ panel, frames, theme, width, height }) {
  const found = buckets(panel, frames);
  const names = found[0].counts.map((one) => one.name);
  const colors = found[0].counts.map((one, number) => one.color || theme.visualization.getColorByName(theme.visualization.palette[number]));
  const most = Math.max(...found.flatMap((one) => one.counts.map(({ count }) => count)));
  const [low, high] = [found[0].from, found[found.length - 1].to];
  const [left, body] = [34, height - LEGEND - AXIS];
  const x = (value) => left + ((value - low) / (high - low)) * (width - left - 8);
  const y = (count) => body - (count / most) * (body - 12);
  const field = frames[0].fields.find((one) => one.type === FieldType.number);
  const size = panel.options.bucketSize;
  const every = size * Math.ceil((high - low) / size / (width / 80));
  const ticks = Array.from({ length: Math.floor((high - low) / every) + 1 }, (_, number) => Math.ceil(low / every) * every + number * every).filter((value) => value <= high);
  const marks = Array.from({ length: Math.min(most, 4) + 1 }, (_, number) => Math.round((number * most) / Math.min(most, 4)));
  return (
    <div>
      <svg width={width} height={height - LEGEND}>
        {marks.map((count) => (
          <g key={count}>
            <line x1={left} x2={width} y1={y(count)} y2={y(count)} stroke={theme.colors.border.weak} />
            <text x={left - 6} y={y(count) + 4} textAnchor="end" {...letters(theme)}>
              {count}
            </text>
          </g>
        ))}
        {found.map((one) =>
          one.counts.map(({ count }, number) => (
            <rect key={`${one.from} ${number}`} x={x(one.from) + 1} width={Math.max(1, x(one.to) - x(one.from) - 2)} y={y(count)} height={body - y(count)} fill={colors[number]} fillOpacity={0.6} stroke={colors[number]} />
          ))
        )}
        {ticks.map((value) => (
          <text key={value} x={x(value)} y={body + 16} textAnchor="middle" {...letters(theme)}>
            {formattedValueToString(field.display(value))}
          </text>
        ))}
      </svg>
      <Legend items={names.map((name, number) => [name, colors[number]])} />
    </div>
  );
}

export function Heat({ asked, panel, frames, theme, width, height }) {
  const [frame] = frames;
  const time = frame.fields.find((field) => field.type === FieldType.time);
  const rows = frame.fields.filter((field) => field.type === FieldType.number);
  const most = Math.max(...rows.flatMap((row) => row.values));
  const [left, body] = [52, height - AXIS];
  const tall = body / rows.length;
  const step = time.values.length > 1 ? time.values[1] - time.values[0] : 60000;
  const x = (at) => left + ((Math.max(at, asked.range.from) - asked.range.from) / (asked.range.to - asked.range.from)) * (width - left);
  const fill = theme.visualization.getColorByName(panel.options.color.fill);
  return (
    <svg width={width} height={height}>
      {rows.map((row, number) => (
        <g key={number}>
          <text x={left - 6} y={body - tall * (number + 0.5) + 4} textAnchor="end" {...letters(theme)}>
            {row.labels.le === '+Inf' ? '∞' : formattedValueToString(row.display(Number(row.labels.le)))}
          </text>
          {row.values.map((value, index) =>
            value > 0 ? (
              <rect key={index} x={x(time.values[index] - step)} width={Math.max(1, x(time.values[index]) - x(time.values[index] - step) - 1)} y={body - tall * (number + 1)} height={tall - 1} fill={fill} fillOpacity={Math.sqrt(value / most)} />
            ) : null
          )}
        </g>
      ))}
      <TimeAxis range={asked.range} theme={theme} left={left} width={width - left} y={body + 16} />
    </svg>
  );
}
