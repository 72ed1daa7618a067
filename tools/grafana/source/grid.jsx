// A dashboard's surface: the headings of its rows, its variables, and where each panel stands (24 columns, rows of 30
// pixels, gaps of 8, as in Grafana).
import React from 'react';

const [CELL, GAP, MARGIN] = [30, 8, 16];
const TOP = 56;

/** Left, top, width and height in pixels. */
export function place(panel, panels, width) {
  const { x, y, w, h } = panel.gridPos;
  const first = Math.min(...panels.map((one) => one.gridPos.y));
  const column = (width - 2 * MARGIN + GAP) / 24;
  return {
    left: MARGIN + x * column,
    top: TOP + (y - first) * (CELL + GAP),
    width: w * column - GAP,
    height: h * (CELL + GAP) - GAP,
  };
}

export function Grid({ asked, theme, children }) {
  const { panels, title } = asked.dashboard;
  const bottom = Math.max(...panels.map((panel) => place(panel, panels, asked.width)).map((room) => room.top + room.height));
  const text = { color: theme.colors.text.primary, fontFamily: theme.typography.fontFamily };
  return (
    <div style={{ position: 'relative', width: asked.width, height: bottom + MARGIN, background: theme.colors.background.canvas, ...text }}>
      <div style={{ position: 'absolute', left: MARGIN, top: 12, ...theme.typography.h4 }}>{title}</div>
      <div style={{ position: 'absolute', right: MARGIN, top: 14, display: 'flex', gap: 8 }}>
        {asked.dashboard.templating.list
          .filter((one) => one.type === 'query' && asked.variables[one.name])
          .map((one) => (
            <span key={one.name} style={{ display: 'flex', border: `1px solid ${theme.colors.border.medium}`, borderRadius: 2, ...theme.typography.bodySmall }}>
              <b style={{ padding: '4px 8px', fontWeight: 500, background: theme.colors.background.secondary }}>{one.label}</b>
              <span style={{ padding: '4px 8px' }}>{asked.variables[one.name].join(' + ')}</span>
            </span>
          ))}
      </div>
      {panels
        .filter((panel) => panel.type === 'row')
        .map((panel) => {
          const room = place(panel, panels, asked.width);
          return (
            <div key={panel.id} style={{ position: 'absolute', ...room, display: 'flex', alignItems: 'center', ...theme.typography.h6 }}>
              ⌄ {panel.title}
            </div>
          );
        })}
      {children}
    </div>
  );
}
