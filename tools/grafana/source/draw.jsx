// Draws a question's panels in a browser: window.asked as described in compute.js, with `width` in pixels, `dark`, and
// `heading`. When all is drawn, document.title is "drawn", or the error.
import 'react-data-grid/lib/styles.css';
import 'uplot/dist/uPlot.min.css';
import { EventBusSrv, ThemeContext } from '@grafana/data';
import { GlobalStyles, PanelChrome, PanelContextProvider, PortalContainer } from '@grafana/ui';
import React from 'react';
import { createRoot } from 'react-dom/client';

import { fields, loaded, themeOf } from './panel.js';
import { Content } from './kinds.jsx';
import { Grid, place } from './grid.jsx';

/** As Grafana's plugins of these kinds have it, which fill their panels to the edge. */
const BARE = ['stat', 'table'];

function Panel({ asked, panel, frames, theme, width, height }) {
  return (
    <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding={BARE.includes(panel.type) ? 'none' : 'md'}>
      {(innerWidth, innerHeight) => <Content {...{ asked, panel, frames, theme }} width={innerWidth} height={innerHeight} />}
    </PanelChrome>
  );
}

class Guard extends React.Component {
  static getDerivedStateFromError = () => ({ failed: true });
  state = { failed: false };
  componentDidCatch(error, { componentStack }) {
    window.failures.push(`${this.props.of}: ${error.stack}${componentStack}`);
  }
  render() {
    return this.state.failed ? null : this.props.children;
  }
}
window.failures = [];
window.addEventListener('error', ({ message }) => window.failures.push(message));

const context = { eventsScope: 'drawn', eventBus: new EventBusSrv() };

/** Until the document has been the same for so many frames: canvases and the rows of tables are drawn in later ones. */
async function settled(frames = 30) {
  let seen = '';
  for (let same = 0; same < frames; same++) {
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve, 10)));
    const now = document.body.innerHTML;
    if (now !== seen) same = 0;
    seen = now;
  }
}

async function main() {
  const asked = window.asked;
  const theme = themeOf(asked.dark ? 'dark' : 'light');
  const panels = asked.dashboard.panels.map(loaded);
  const found = await Promise.all(panels.map((panel) => (panel.type === 'row' ? [] : fields(panel, asked, theme))));
  const root = createRoot(document.getElementById('root'));
  // The style sheet that names the fonts comes first: what is measured before they are there is measured with others.
  root.render(<ThemeContext.Provider value={theme}><GlobalStyles /></ThemeContext.Provider>);
  await new Promise((resolve) => setTimeout(resolve, 100));
  for (const font of ['14px Inter', '500 14px Inter']) {
    if (!(await document.fonts.load(font)).length) throw new Error(`the font ${font} is not there`);
  }
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <PanelContextProvider value={context}>
        <Grid asked={asked} theme={theme}>
          {panels.map((panel, number) => {
            const room = place(panel, panels, asked.width);
            return panel.type === 'row' ? null : (
              <div key={panel.id} data-panel={panel.title} style={{ position: 'absolute', ...room }}>
                <Guard of={panel.title}>
                  <Panel {...{ asked, panel, theme }} frames={found[number]} width={room.width} height={room.height} />
                </Guard>
              </div>
            );
          })}
        </Grid>
      </PanelContextProvider>
      <PortalContainer />
    </ThemeContext.Provider>
  );
  await settled();
  document.title = window.failures.length ? `error: ${window.failures[0]}` : 'drawn';
}

main().catch((error) => {
  document.title = `error: ${error.stack}`;
});
