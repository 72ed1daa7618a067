// Annotations on a graph over time: a dashed line at each event's moment, as Grafana draws them.
const drawn = new WeakSet();

/** Adds the lines to a uPlot configuration, once. `events`: [{at in milliseconds, color}]. */
export function marks(config, events, theme) {
  if (drawn.has(config) || events.length === 0) {
    return;
  }
  drawn.add(config);
  config.addHook('draw', (plot) => {
    const { ctx, bbox } = plot;
    ctx.save();
    for (const { at, color } of events) {
      const x = Math.round(plot.valToPos(at, 'x', true));
      if (x < bbox.left || x > bbox.left + bbox.width) {
        continue;
      }
      ctx.strokeStyle = ctx.fillStyle = theme.visualization.getColorByName(color);
      ctx.lineWidth = 2 * devicePixelRatio;
      ctx.setLineDash([5 * devicePixelRatio, 5 * devicePixelRatio]);
      ctx.beginPath();
      ctx.moveTo(x, bbox.top);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.stroke();
      const half = 4 * devicePixelRatio;
      ctx.beginPath();
      ctx.moveTo(x - half, bbox.top + bbox.height + 2 * half);
      ctx.lineTo(x, bbox.top + bbox.height);
      ctx.lineTo(x + half, bbox.top + bbox.height + 2 * half);
      ctx.fill();
    }
    ctx.restore();
  });
}
