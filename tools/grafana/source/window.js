// What Grafana's packages ask of a browser when they are loaded; nothing here draws.
const nothing = () => undefined;
const storage = { getItem: () => null, setItem: nothing, removeItem: nothing };
globalThis.navigator ??= { language: 'en-US', languages: ['en-US'], userAgent: '' };
globalThis.window ??= Object.assign(globalThis, { addEventListener: nothing, removeEventListener: nothing, localStorage: storage, location: { search: '', href: 'http://localhost/', hostname: 'localhost' }, matchMedia: () => ({ matches: false, addEventListener: nothing }) });
console.log = console.info = console.debug = console.warn = console.error; // standard output is for the answer
