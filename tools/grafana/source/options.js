// Which options of a field Grafana knows: the standard ones, and those of each kind of panel. An override of any other
// option does nothing in Grafana, silently; `unknown` collects them.
import {
  FieldConfigOptionsRegistry,
  FieldType,
  booleanOverrideProcessor,
  dataLinksOverrideProcessor,
  displayNameOverrideProcessor,
  identityOverrideProcessor,
  numberOverrideProcessor,
  stringOverrideProcessor,
  thresholdsOverrideProcessor,
  unitOverrideProcessor,
  valueMappingsOverrideProcessor,
} from '@grafana/data';

const always = () => true;
const numeric = (field) => field.type === FieldType.number;

const STANDARD = [
  ['displayName', displayNameOverrideProcessor, always],
  ['unit', unitOverrideProcessor, always],
  ['min', numberOverrideProcessor, numeric],
  ['max', numberOverrideProcessor, numeric],
  ['decimals', numberOverrideProcessor, numeric],
  ['noValue', stringOverrideProcessor, always],
  ['links', dataLinksOverrideProcessor, always],
  ['mappings', valueMappingsOverrideProcessor, always],
  ['thresholds', thresholdsOverrideProcessor, always],
  ['color', identityOverrideProcessor, always],
  ['description', stringOverrideProcessor, always],
  ['filterable', booleanOverrideProcessor, always],
  ['fieldMinMax', booleanOverrideProcessor, numeric],
];

const AXIS = ['axisPlacement', 'axisLabel', 'axisWidth', 'axisSoftMin', 'axisSoftMax', 'axisGridShow', 'axisCenteredZero', 'axisColorMode', 'axisBorderShow', 'scaleDistribution'];
const OWN = {
  stat: [],
  bargauge: [],
  table: ['width', 'minWidth', 'align', 'cellOptions', 'inspect', 'filterable', 'hidden', 'hideFrom', 'wrapHeaderText'],
  timeseries: [...AXIS, 'drawStyle', 'lineInterpolation', 'lineWidth', 'fillOpacity', 'gradientMode', 'lineStyle', 'spanNulls', 'insertNulls', 'showPoints', 'pointSize', 'barAlignment', 'stacking', 'thresholdsStyle', 'hideFrom', 'fillBelowTo', 'transform', 'barWidthFactor'],
  'state-timeline': ['lineWidth', 'fillOpacity', 'spanNulls', 'insertNulls', 'hideFrom', 'axisPlacement'],
  histogram: [...AXIS, 'lineWidth', 'fillOpacity', 'gradientMode', 'stacking', 'hideFrom'],
  heatmap: ['scaleDistribution', 'hideFrom'],
};

/** The registry of a kind of panel. */
export function registry(kind) {
  const found = new FieldConfigOptionsRegistry();
  for (const [id, process, shouldApply] of STANDARD) {
    found.register({ id, path: id, name: id, process, shouldApply, override: () => null, editor: () => null, settings: {} });
  }
  for (const name of OWN[kind]) {
    found.register({
      id: `custom.${name}`, path: name, name, isCustom: true, process: identityOverrideProcessor, shouldApply: always,
      override: () => null, editor: () => null, settings: {},
    });
  }
  return found;
}

/** Kinds of panels that are known here. */
export const KINDS = Object.keys(OWN);

/** Ids of options in a panel's field configuration that Grafana does not know. */
export function unknown(panel) {
  const known = registry(panel.type);
  const { defaults, overrides } = panel.fieldConfig;
  const { custom = {}, ...standard } = defaults;
  const ids = [
    ...Object.keys(standard),
    ...Object.keys(custom).map((name) => `custom.${name}`),
    ...overrides.flatMap((one) => one.properties.map((property) => property.id)),
  ];
  return [...new Set(ids.filter((id) => !known.getIfExists(id)))];
}
