// A panel's computed fields and the room it has in, what is to be seen out: Grafana's components where Grafana exports
// them, drawings of ours in own.jsx where it does not.
import { VizOrientation, dateTime, getDisplayValueAlignmentFactors } from '@grafana/data';
import { BarGauge, BarGaugeDisplayMode, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import React from 'react';

import { Buckets, Bands, Heat } from './own.jsx';
import { marks } from './marks.js';
import { tiles } from './shown.js';

const orientation = { auto: VizOrientation.Auto, horizontal: VizOrientation.Horizontal, vertical: VizOrientation.Vertical };

const span = ({ range }) => ({ from: dateTime(range.from), to: dateTime(range.to), raw: { from: dateTime(range.from), to: dateTime(range.to) } });

function Empty({ panel, theme, width, height }) {
  return (
    <div style={{ width, height, display: 'flex', alignItems: 'center', justifyContent: 'center', textAlign: 'center', ...theme.typography.body, color: theme.colors.text.secondary }}>
      {panel.fieldConfig.defaults.noValue ?? 'No data'}
    </div>
  );
}

function Tiles({ asked, panel, frames, theme, width, height }) {
  const { options } = panel;
  const render = ({ value, width, height, count }) => (
    <BigValue
      {...{ width, height, theme, count }}
      value={value.display}
      colorMode={options.colorMode}
      graphMode="none"
      justifyMode={options.justifyMode}
      textMode={options.textMode}
      text={options.text}
    />
  );
  return (
    <VizRepeater
      {...{ width, height, orientation: orientation[options.orientation] }}
      getValues={() => tiles(panel, frames, asked, theme)}
      renderValue={(props) => render({ ...props, count: props.count })}
      source={frames}
      renderCounter={0}
      autoGrid
    />
  );
}

function Bars({ asked, panel, frames, theme, width, height }) {
  const { options } = panel;
  const render = ({ value, width, height, orientation: way, alignmentFactors }) => (
    <BarGauge
      {...{ width, height, theme, alignmentFactors }}
      value={value.display}
      field={value.field}
      display={value.view?.getFieldDisplayProcessor(value.colIndex)}
      text={options.text}
      orientation={way}
      itemSpacing={panel.options.displayMode === 'lcd' ? 2 : 10}
      displayMode={BarGaugeDisplayMode.Basic}
      showUnfilled={options.showUnfilled}
      valueDisplayMode={options.valueMode}
      namePlacement={options.namePlacement}
    />
  );
  return (
    <VizRepeater
      {...{ width, height, orientation: orientation[options.orientation] }}
      getValues={() => tiles(panel, frames, asked, theme)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={render}
      source={frames}
      renderCounter={0}
      itemSpacing={10}
      minVizHeight={options.minVizHeight}
      minVizWidth={options.minVizWidth}
      maxVizHeight={options.maxVizHeight}
    />
  );
}

function Lines({ asked, panel, frames, theme, width, height }) {
  const range = span(asked);
  return (
    <TimeSeries frames={frames} timeRange={range} timeZone="utc" legend={panel.options.legend} structureRev={1} {...{ width, height }}>
      {(config) => {
        marks(config, asked.events ?? [], theme);
        return null;
      }}
    </TimeSeries>
  );
}

function Lined({ asked, panel, frames, width, height }) {
  const range = span(asked);
  return (
    <TableNG
      {...{ width, height }}
      data={frames[0]}
      initialSortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight}
      noHeader={!panel.options.showHeader}
      fieldConfig={panel.fieldConfig}
      timeRange={range}
      structureRev={1}
      getActions={() => []}
    />
  );
}

export function Content(props) {
  const { panel, frames } = props;
  const bare = frames.every((frame) => frame.length === 0);
  if (bare && panel.type !== 'stat' && panel.type !== 'bargauge') {
    return <Empty {...props} />;
  }
  switch (panel.type) {
    case 'stat':
      return <Tiles {...props} />;
    case 'bargauge':
      return <Bars {...props} />;
    case 'timeseries':
      return <Lines {...props} />;
    case 'table':
      return <Lined {...props} />;
    case 'state-timeline':
      return <Bands {...props} />;
    case 'histogram':
      return <Buckets {...props} />;
    default:
      return <Heat {...props} />;
  }
}
