// Numbers as people read them.

const MINUS = '\u2212';

/** Four significant digits; a true minus sign; "–" where there is none. */
exports.number = function number(value, digits = 4) {
  if (value === null || value === undefined || Number.isNaN(value)) return '–';
  if (value === 0) return '0';
  const magnitude = Math.abs(value);
  const text = magnitude >= 1e6 || magnitude < 1e-3 ? value.toExponential(digits - 2) : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, MINUS);
};

/** Four significant digits with their zeros, for columns. */
exports.column = function column(value, digits = 4) {
  const magnitude = Math.abs(value ?? NaN);
  if (!(magnitude >= 1e-3 && magnitude < 1e6)) return exports.number(value, digits);
  return value.toPrecision(Math.max(digits, Math.floor(Math.log10(magnitude)) + 1)).replace(/-/g, MINUS);
};

exports.signed = (value) => (value > 0 ? '+' : '') + exports.number(value);

exports.percent = function percent(share) {
  if (!Number.isFinite(share)) return '–';
  return `${(100 * share).toFixed(share >= 0.1 ? 1 : 2)} %`;
};

exports.count = (value) => Math.round(value).toLocaleString('en-US').replace(/,/g, '\u2009');

exports.plural = (value, noun) => `${exports.count(value)} ${noun}${value === 1 ? '' : 's'}`;

/** "3, 0, 7": the index of a neuron in its layer. */
exports.index = function index(flat, shape) {
  const parts = [];
  for (let axis = shape.length - 1; axis >= 0; --axis) {
    parts.unshift(flat % shape[axis]);
    flat = Math.floor(flat / shape[axis]);
  }
  return parts.join(', ');
};
