// The neurons and channels of the chosen layer: a ranked table, and the largest of them as bars.

const data = require('./data');
const state = require('./state');
const {Figure, labelWidth} = require('./figure');
const {Table} = require('./table');
const {el} = require('./dom');
const {section} = require('./section');
const format = require('./format');

const BARS = 20;
let level = 'channels';

/** Units of the layer at the chosen level, or at the other where it has none. */
function units() {
  const layer = data.layers[state.get().layer];
  const [first, second] = level === 'channels' ? [layer.byChannel(), () => layer.neurons()] : [layer.neurons(), () => layer.byChannel()];
  return first ?? second();
}

const nameOf = (all, unit) => format.index(all.index ? all.index[unit] : unit, all.shape);

/** Shares are of the layer's whole magnitude at this level, also of what the page has left out. */
function total(all) {
  return all.total ?? all.statistics().magnitude.reduce((a, b) => a + b, 0);
}

function bar(value, limit) {
  const width = `${Math.min(100, (Math.abs(value) / limit) * 100 || 0)}%`;
  return el('span', {class: value < 0 ? 'bar against' : 'bar for', 'aria-hidden': 'true'}, el('span', {style: {width}}));
}

function makeTable(tools) {
  let all = units();
  let sum = 1;
  let limit = 1;
  const value = (unit) => all.at(state.get().example, unit);
  const columns = [
    {title: 'Index', numeric: true, value: (unit) => (all.index ? all.index[unit] : unit), cell: (unit) => nameOf(all, unit), help: 'Index in the layer'},
    {title: 'Value', numeric: true, value, cell: (unit) => el('span', {class: 'with-bar'}, bar(value(unit), limit), format.column(value(unit))), help: 'Contribution in the chosen example'},
    {title: '|Value|', numeric: true, value: (unit) => Math.abs(value(unit)), cell: (unit) => format.column(Math.abs(value(unit))), help: 'Its magnitude'},
    {title: 'Mean', numeric: true, value: (unit) => all.statistics().mean[unit], cell: (unit) => format.column(all.statistics().mean[unit]), help: 'Mean over all examples'},
    {title: 'Mean |value|', numeric: true, value: (unit) => all.statistics().magnitude[unit], cell: (unit) => format.column(all.statistics().magnitude[unit]), help: 'Mean magnitude over all examples'},
    {title: 'Share', numeric: true, value: (unit) => all.statistics().magnitude[unit] / sum, cell: (unit) => format.percent(all.statistics().magnitude[unit] / sum), help: 'Of the summed mean magnitudes of the layer'},
  ];
  const table = new Table({
    columns, tools, search: 'Find index', label: 'Ranked neurons', sorted: {column: 4, down: true},
    matches: (unit, text) => matchesIndex(nameOf(all, unit), text),
    pick: (unit) => state.set({unit: state.get().unit === unit ? null : unit}),
    picked: (unit) => state.get().unit === unit,
  });
  const measure = () => {
    all = units();
    sum = total(all) || 1;
    limit = 0;
    for (let unit = 0; unit < all.count; ++unit) limit = Math.max(limit, Math.abs(value(unit)));
  };
  return {
    element: table.element,
    table,
    show: () => {
      measure();
      table.show(all.count, `${data.layers[state.get().layer].name}: ${format.plural(all.count, all.noun)}`);
    },
    refresh: () => {
      measure();
      table.refresh();
    },
    mark: () => table.refresh(),
  };
}

/** "12" finds 12, "3,1" finds indices that begin with 3, 1. */
function matchesIndex(index, text) {
  const wanted = text.split(/[\s,]+/).filter(Boolean);
  const parts = index.split(', ');
  return wanted.length === 1 && parts.length === 1 ? parts[0].startsWith(wanted[0]) : wanted.every((part, i) => parts[i] === part || (i === wanted.length - 1 && parts[i]?.startsWith(part)));
}

/** Units of the largest magnitude in the chosen example. */
function largest() {
  const all = units();
  const {example} = state.get();
  const order = Array.from({length: all.count}, (_, unit) => unit).sort((a, b) => Math.abs(all.at(example, b)) - Math.abs(all.at(example, a)) || a - b);
  return order.slice(0, BARS).map((unit) => ({unit, name: nameOf(all, unit), value: all.at(example, unit), chosen: unit === state.get().unit}));
}

function spec(width, colours) {
  const rows = largest();
  if (rows.length === 0) return null;
  const names = labelWidth(rows.map((row) => row.name), width);
  return {
    width: Math.max(width - names - 20, 60), height: rows.length * 20,
    data: [{name: 'units', values: rows}],
    scales: [
      {name: 'x', type: 'linear', domain: [Math.min(0, ...rows.map((row) => row.value)), Math.max(0, ...rows.map((row) => row.value))], range: 'width', nice: true},
      {name: 'y', type: 'band', domain: {data: 'units', field: 'unit'}, range: 'height'},
    ],
    axes: [{orient: 'bottom', scale: 'x', grid: true, domain: false, tickCount: Math.max(3, Math.floor(width / 100)), title: 'contribution'}],
    marks: [
      {type: 'rect', from: {data: 'units'}, aria: false, encode: {update: {
        x: {scale: 'x', value: 0}, x2: {scale: 'x', field: 'value'}, y: {scale: 'y', field: 'unit', band: 0.15}, height: {scale: 'y', band: 0.7},
        fill: {signal: `datum.value < 0 ? '${colours.negative}' : '${colours.positive}'`}, cursor: {value: 'pointer'},
        stroke: {signal: `datum.chosen ? '${colours.ink}' : null`}, strokeWidth: {value: 1.5}, tooltip: {signal: "datum.name + ': ' + format(datum.value, '.4~g')"}}}},
      {type: 'rule', aria: false, encode: {update: {x: {scale: 'x', value: 0}, y: {value: 0}, y2: {signal: 'height'}, stroke: {value: colours.soft}}}},
      {type: 'text', from: {data: 'units'}, aria: false, encode: {update: {
        x: {value: -8}, y: {scale: 'y', field: 'unit', band: 0.5}, align: {value: 'right'}, baseline: {value: 'middle'}, limit: {value: names - 8},
        text: {field: 'name'}, fill: {value: colours.ink}, fontWeight: {signal: 'datum.chosen ? 700 : 400'}}}},
    ],
  };
}

function describe() {
  const rows = largest();
  const all = units();
  const first = rows.slice(0, 3).map((row) => `${row.name} (${format.number(row.value)})`).join(', ');
  return `The ${format.plural(rows.length, all.noun)} of largest magnitude of ${format.count(all.count)} in ${data.layers[state.get().layer].name}, ${data.exampleName(state.get().example)}; first ${first}.`;
}

function levelSwitch(changed) {
  const radio = (value, text) => el('label', {}, el('input', {type: 'radio', name: 'level', value, checked: value === level, onchange: () => {
    level = value;
    changed();
  }}), text);
  return el('fieldset', {class: 'switch'}, el('legend', {class: 'visually-hidden'}, 'Rows of the table'), radio('channels', 'Channels'), radio('neurons', 'Neurons'));
}

exports.make = () => {
  const figure = new Figure({name: 'largest', title: () => `Largest contributions of ${data.layers[state.get().layer].name}`, spec, describe,
    pick: (datum) => datum.unit !== undefined && state.set({unit: datum.unit})});
  const choice = levelSwitch(() => {
    state.set({unit: null});
    table.show();
    figure.draw();
  });
  const table = makeTable(choice);
  const offer = () => {
    const layer = data.layers[state.get().layer];
    choice.hidden = !(layer.byChannel() && layer.neurons());
  };
  state.on(['layer'], () => {
    state.set({unit: null});
    offer();
    table.show();
    figure.draw();
  });
  state.on(['example'], () => {
    table.refresh();
    figure.draw();
  });
  state.on(['unit'], () => {
    table.mark();
    figure.draw();
  });
  offer();
  table.show();
  return {
    element: section('neurons', 'Neurons and channels', 'A channel’s value is the sum over its positions. Click a row, or press its index, to single it out.',
      el('div', {class: 'columns'}, table.element, figure.element)),
    draw: () => figure.draw(),
  };
};

/** The channel that is singled out, or null. */
exports.chosenChannel = () => {
  const {unit, layer} = state.get();
  if (unit === null) return null;
  const all = units();
  const flat = all.index ? all.index[unit] : unit;
  return all.noun === 'channel' ? flat : data.layers[layer].hasPositions ? Math.floor(flat / data.layers[layer].positions) : null;
};

/** Singles out a channel of the chosen layer. */
exports.choose = (channel) => {
  const all = units();
  if (all.noun === 'channel') state.set({unit: all.index ? all.index.indexOf(channel) : channel});
};
