// Bundles: node build.mjs DIRECTORY writes compute-12.cjs and compute-10.cjs, what Grafana 12 and Grafana 10 compute, and
// draw.js, which draws with Grafana's components in a browser.
import { cp, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import * as esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const source = (name) => path.join(here, 'source', name);
const target = path.resolve(process.argv[2]);
const common = { bundle: true, logLevel: 'error', legalComments: 'none' };
const compute = { ...common, platform: 'node', target: 'node18', mainFields: ['module', 'main'], conditions: ['import'], inject: [source('window.js')] };

// Grafana's table is made for a fork of react-data-grid. npm's own release wants React 19, where a context is rendered
// as an element; in React 18 that is its Provider.
const grid = {
  name: 'react-data-grid for React 18',
  setup(build) {
    build.onLoad({ filter: /react-data-grid[\\/]lib[\\/]index\.js$/ }, async ({ path: file }) => {
      const text = await readFile(file, 'utf8');
      const found = [...text.matchAll(/const (\w+Context) = createContext/g)].map((one) => one[1]);
      const contents = found.reduce((all, name) => all.replaceAll(new RegExp(`(jsxs?)\\(${name},`, 'g'), `$1(${name}.Provider,`), text);
      return { contents, loader: 'js' };
    });
  },
};

// What no panel here needs: an editor, maps, and routes between pages.
const absent = {
  name: 'absent',
  setup(build) {
    build.onResolve({ filter: /^(monaco-editor|@monaco-editor\/react|ol|ol-mapbox-style|react-router-dom-v5-compat)(\/|$)/ }, ({ path: name }) => ({ path: name, namespace: 'absent' }));
    build.onLoad({ filter: /.*/, namespace: 'absent' }, () => ({
      contents: 'module.exports = new Proxy({}, { get: (_, name) => (name === "__esModule" ? true : () => null) });',
      loader: 'js',
    }));
  },
};

await Promise.all([
  esbuild.build({ ...compute, entryPoints: [source('compute.js')], outfile: path.join(target, 'compute-12.cjs') }),
  esbuild.build({ ...compute, entryPoints: [source('compute.js')], outfile: path.join(target, 'compute-10.cjs'), alias: { '@grafana/data': 'grafana-data-10' } }),
  esbuild.build({
    ...common,
    entryPoints: [source('draw.jsx')],
    outfile: path.join(target, 'draw.js'),
    platform: 'browser',
    target: 'chrome120',
    mainFields: ['browser', 'module', 'main'],
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    loader: { '.woff': 'dataurl', '.woff2': 'dataurl', '.svg': 'dataurl', '.png': 'dataurl' },
    jsx: 'transform',
    minify: true,
    plugins: [grid, absent],
  }),
]);

// Grafana's letters, where its style sheet looks for them.
const fonts = path.join(target, 'public/fonts/inter');
await mkdir(fonts, { recursive: true });
for (const [weight, name] of [[400, 'Regular'], [500, 'Medium']]) {
  await cp(path.join(here, `node_modules/@fontsource/inter/files/inter-latin-${weight}-normal.woff2`), path.join(fonts, `Inter-${name}.woff2`));
}
