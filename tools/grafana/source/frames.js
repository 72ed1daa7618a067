// Prometheus's answers in, data frames out, in the shapes that Grafana's Prometheus data source hands to a panel.
//
// An answer is what the HTTP API gives as data.result: [{metric, value: [s, text]} or {metric, values: [...]}].
import { FieldType, createDataFrame } from '@grafana/data';

const number = (text) => ({ '+Inf': Infinity, '-Inf': -Infinity, NaN: NaN })[text] ?? Number(text);
const points = (one) => one.values ?? [one.value];

function legend(target, metric) {
  const labels = Object.entries(metric).filter(([name]) => name !== '__name__');
  if (target.legendFormat && target.legendFormat !== '__auto') {
    return target.legendFormat.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name) => metric[name] ?? '');
  }
  if (labels.length === 0) {
    return metric.__name__ ?? target.expr;
  }
  return `${metric.__name__ ?? ''}{${labels.map(([name, value]) => `${name}="${value}"`).join(', ')}}`;
}

/** One frame for each series. */
function series(target, answer, step) {
  return answer.map((one) => {
    const name = legend(target, one.metric);
    const { __name__, ...labels } = one.metric;
    return createDataFrame({
      refId: target.refId,
      name,
      meta: { type: target.instant ? 'timeseries-multi' : 'timeseries-multi', preferredVisualisationType: 'graph' },
      fields: [
        { name: 'Time', type: FieldType.time, config: { interval: step }, values: points(one).map(([at]) => at * 1000) },
        {
          name: 'Value',
          type: FieldType.number,
          labels,
          config: { displayNameFromDS: name },
          values: points(one).map(([, text]) => number(text)),
        },
      ],
    });
  });
}

/** One frame with a column for each label. `several`: how many queries of the panel have an answer. */
function table(target, answer, several) {
  const names = [...new Set(answer.flatMap((one) => Object.keys(one.metric)))].sort();
  const lines = answer.flatMap((one) => points(one).map(([at, text]) => ({ at: at * 1000, value: number(text), of: one.metric })));
  return createDataFrame({
    refId: target.refId,
    meta: { preferredVisualisationType: 'table' },
    fields: [
      { name: 'Time', type: FieldType.time, config: {}, values: lines.map((line) => line.at) },
      ...names.map((name) => ({
        name,
        type: FieldType.string,
        config: { filterable: true },
        values: lines.map((line) => line.of[name] ?? ''),
      })),
      {
        name: several ? `Value #${target.refId}` : 'Value',
        type: FieldType.number,
        config: {},
        values: lines.map((line) => line.value),
      },
    ],
  });
}

/** Cumulative buckets as rows of a heat map: what fell into each bucket alone. */
function heat(target, answer) {
  const rows = [...answer].sort((one, other) => number(one.metric.le) - number(other.metric.le));
  const moments = [...new Set(rows.flatMap((one) => points(one).map(([at]) => at)))].sort((one, other) => one - other);
  const before = new Map();
  const fields = rows.map((one) => {
    const here = new Map(points(one).map(([at, text]) => [at, number(text)]));
    const values = moments.map((at) => Math.max(0, (here.get(at) ?? 0) - (before.get(at) ?? 0)));
    here.forEach((value, at) => before.set(at, value));
    return { name: one.metric.le, type: FieldType.number, labels: { le: one.metric.le }, config: { displayNameFromDS: one.metric.le }, values };
  });
  return createDataFrame({
    refId: target.refId,
    meta: { type: 'heatmap-rows' },
    fields: [{ name: 'Time', type: FieldType.time, config: {}, values: moments.map((at) => at * 1000) }, ...fields],
  });
}

/** All frames of a panel. `answers`: by the query's letter. `steps`: milliseconds, by the query's letter. */
export function frames(panel, answers, steps) {
  const targets = panel.targets ?? [];
  const answered = targets.filter((target) => answers[target.refId]?.length);
  const several = answered.filter((target) => target.format === 'table').length > 1;
  return answered.flatMap((target) => {
    const answer = answers[target.refId];
    switch (target.format) {
      case 'table':
        return [table(target, answer, several)];
      case 'heatmap':
        return [heat(target, answer)];
      default:
        return series(target, answer, steps[target.refId]);
    }
  });
}
