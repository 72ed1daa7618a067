// A panel of a dashboard and Prometheus's answers in, the fields that Grafana shows out: transformed, with the options
// that hold for each, and with a display processor that makes text and colour of a value.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  fieldMatchers,
  getValueFormats,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';

import { frames } from './frames.js';
import { registry } from './options.js';
import { replaced } from './variables.js';

// One of them stands there under two names.
const transformers = [...new Map(Object.values(standardTransformers).map((one) => [one.id, one])).values()];
standardTransformersRegistry.setInit(() =>
  transformers.map((transformation) => ({ id: transformation.id, name: transformation.name, transformation, editor: () => null }))
);

/** Ids of transformations, matchers and units in a panel that Grafana does not know. */
export function strangers(panel) {
  const { defaults, overrides } = panel.fieldConfig;
  const properties = overrides.flatMap((one) => one.properties);
  const units = [defaults.unit, ...properties.filter((one) => one.id === 'unit').map((one) => one.value)];
  const known = getValueFormats().flatMap((group) => group.submenu.map((unit) => unit.value));
  const made = /^(time|suffix|prefix|count|si|currency|bool):/; // units that are made from their own text
  return [
    ...(panel.transformations ?? []).filter((one) => !standardTransformersRegistry.getIfExists(one.id)).map((one) => `transformation ${one.id}`),
    ...overrides.filter((one) => !fieldMatchers.getIfExists(one.matcher.id)).map((one) => `matcher ${one.matcher.id}`),
    ...units.filter((unit) => unit && !made.test(unit) && !known.includes(unit)).map((unit) => `unit ${unit}`),
  ];
}

function transformed(panel, found) {
  const steps = (panel.transformations ?? []).filter((one) => !one.disabled);
  return new Promise((resolve, reject) => {
    transformDataFrame(steps, found, { interpolate: (text) => text }).subscribe({ next: resolve, error: reject });
  });
}

/** The panel's frames as its kind of panel gets them. `asked`: {answers, steps, variables, range} as described in compute.js. */
export async function fields(panel, asked, theme) {
  const answers = asked.answers[panel.id] ?? {};
  const found = await transformed(panel, frames(panel, answers, asked.steps[panel.id] ?? {}));
  const shown = applyFieldOverrides({
    data: found,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry(panel.type),
    replaceVariables: replaced(asked),
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(shown);
  return shown;
}

/** The panel as Grafana has it once it is loaded: JSON has no -Infinity, which goes back into the defaults' thresholds. */
export function loaded(panel) {
  const { defaults, overrides } = panel.fieldConfig ?? { defaults: {}, overrides: [] };
  const steps = defaults.thresholds?.steps.map((step) => (step.value === null ? { ...step, value: -Infinity } : step));
  const thresholds = steps ? { thresholds: { ...defaults.thresholds, steps } } : {};
  return { ...panel, fieldConfig: { defaults: { ...defaults, ...thresholds }, overrides } };
}

/** Grafana's light or dark theme. */
export const themeOf = (mode) => createTheme({ colors: { mode } });
