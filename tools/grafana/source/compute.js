// Standard input: a dashboard and Prometheus's answers. Standard output: what each panel would show, as JSON.
//
// In:  {dashboard, variables: {NAME: [VALUE]}, range: {from, to} in milliseconds, dark: bool,
//       answers: {PANEL ID: {LETTER: data.result}}, steps: {PANEL ID: {LETTER: milliseconds}}}
// Out: [{id, title, type, strangers: [...], empty, and what the kind has: tiles, columns and lines, or series}]
import { readFileSync } from 'node:fs';

import { KINDS, unknown } from './options.js';
import { fields, loaded, strangers, themeOf } from './panel.js';
import { shown } from './shown.js';

async function main() {
  const asked = JSON.parse(readFileSync(0, 'utf8'));
  const theme = themeOf(asked.dark ? 'dark' : 'light');
  const found = [];
  for (const panel of asked.dashboard.panels.filter((one) => one.type !== 'row').map(loaded)) {
    const { id, title, type } = panel;
    if (!KINDS.includes(type)) {
      throw new Error(`${title}: a ${type} is not known`);
    }
    const frames = await fields(panel, asked, theme);
    const odd = [...strangers(panel), ...unknown(panel).map((option) => `option ${option}`)];
    found.push({ id, title, type, strangers: odd, ...shown(panel, frames, asked, theme) });
  }
  process.stdout.write(JSON.stringify(found));
}

main().catch((error) => {
  process.stderr.write(`${error.stack}\n`);
  process.exit(1);
});
