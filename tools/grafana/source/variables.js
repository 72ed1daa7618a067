// The dashboard's variables and the built-in ones, put into texts and links as Grafana puts them.
import { formattedValueToString } from '@grafana/data';

const parameter = (name, values) => values.map((value) => `var-${name}=${encodeURIComponent(value)}`).join('&');

/** A function that fills in a text. `asked.variables`: name to the list of chosen values. */
export function replaced(asked) {
  return (text, scoped = {}) =>
    (text ?? '').replace(/\$\{([\w.]+)(?:\["?([^"\]]+)"?\])?(?::(\w+))?\}|\$(\w+)/g, (whole, braced, key, format, plain) => {
      const name = braced ?? plain;
      const context = scoped.__dataContext?.value;
      if (name === '__url_time_range') {
        return `from=${asked.range.from}&to=${asked.range.to}`;
      }
      if (name === '__value.raw') {
        return encodeURIComponent(context?.field.values[context.rowIndex] ?? '');
      }
      if (name === '__value.text') {
        return formattedValueToString(context.field.display(context.field.values[context.rowIndex]));
      }
      if (name.startsWith('__data.fields')) {
        const wanted = key ?? name.slice('__data.fields.'.length);
        const field = context?.frame.fields.find((one) => (one.config.displayName ?? one.name) === wanted || one.name === wanted);
        const value = field?.values[context.rowIndex] ?? '';
        return format === 'percentencode' ? encodeURIComponent(value) : String(value);
      }
      const values = asked.variables[name];
      if (!values) {
        return whole;
      }
      return format === 'queryparam' ? parameter(name, values) : values.join(',');
    });
}
