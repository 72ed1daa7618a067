// A histogram's bars: Grafana's own bucketing, with the panel's size and offset.
import { buildHistogram, formattedValueToString, getFieldDisplayName, getHistogramFields, histogramFieldsToFrame } from '@grafana/data';

/** {from, to, text of from, and a count for each series} of every bucket, and the series' names and colours. */
export function buckets(panel, frames) {
  const { bucketSize, bucketOffset, combine } = panel.options;
  const built = buildHistogram(frames, { bucketSize, bucketOffset, combine });
  if (!built) {
    return [];
  }
  const [from, to] = [built.xMin, built.xMax];
  const source = frames[0].fields.find((field) => field.type === 'number');
  return from.values.map((value, index) => ({
    from: value,
    to: to.values[index],
    text: formattedValueToString(source.display(value)),
    counts: built.counts.map((field) => ({ name: getFieldDisplayName(field, undefined, frames), color: field.display?.(1)?.color ?? '', count: field.values[index] })),
  }));
}
