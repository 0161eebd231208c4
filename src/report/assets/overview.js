// Where attribution flows: one row per layer, what speaks for the target and what against it.

const data = require('./data');
const state = require('./state');
const {Figure, labelWidth} = require('./figure');
const {el} = require('./dom');
const {section, fold} = require('./section');
const {number, signed, plural} = require('./format');

function rows() {
  const {example, layer} = state.get();
  return data.layers.map((one) => {
    const [positive, negative] = one.sums(example);
    return {layer: one.number, name: one.name, op: one.op, cut: one.cut, positive, negative, sum: positive + negative,
      magnitude: positive - negative, chosen: one.number === layer};
  });
}

function spec(width, colours) {
  const table = rows();
  const names = labelWidth(table.map((row) => row.name), width);
  const limit = Math.max(...table.map((row) => Math.max(row.positive, -row.negative)), 1e-30);
  const low = Math.min(0, ...table.map((row) => row.negative));
  const high = Math.max(0, ...table.map((row) => row.positive));
  const tip = "datum.name + ' (' + datum.op + '): ' + format(datum.positive, '.4~g') + ' for, ' + format(datum.negative, '.4~g') + ' against, sum ' + format(datum.sum, '.4~g')";
  const bar = (field, colour) => ({
    type: 'rect', from: {data: 'layers'}, aria: false,
    encode: {update: {
      x: {scale: 'x', value: 0}, x2: {scale: 'x', field}, y: {scale: 'y', field: 'layer', band: 0.2}, height: {scale: 'y', band: 0.6},
      fill: {value: colour}, fillOpacity: {signal: 'datum.chosen ? 1 : 0.72'}, tooltip: {signal: tip}, cursor: {value: 'pointer'},
    }},
  });
  return {
    width: Math.max(width - names - 24, 60), height: table.length * (table.length > 60 ? 15 : 26),
    data: [{name: 'layers', values: table}],
    scales: [
      {name: 'x', type: 'linear', domain: [low - 0.02 * limit, high + 0.02 * limit], range: 'width', nice: false},
      {name: 'y', type: 'band', domain: {data: 'layers', field: 'layer'}, range: 'height'},
    ],
    axes: [{orient: 'bottom', scale: 'x', tickCount: Math.max(3, Math.floor(width / 120)), grid: true, domain: false, title: 'contribution to F(x) − F(x′), summed over the layer’s neurons'}],
    marks: [
      {type: 'rect', from: {data: 'layers'}, aria: false, encode: {update: {
        x: {value: -names}, x2: {signal: 'width'}, y: {scale: 'y', field: 'layer'}, height: {scale: 'y', band: 1},
        fill: {value: colours.accent}, fillOpacity: {signal: 'datum.chosen ? 0.12 : 0'}, cursor: {value: 'pointer'}, tooltip: {signal: tip}}}},
      bar('positive', colours.positive), bar('negative', colours.negative),
      {type: 'symbol', from: {data: 'layers'}, aria: false, encode: {update: {
        x: {scale: 'x', field: 'sum'}, y: {scale: 'y', field: 'layer', band: 0.5}, shape: {value: 'diamond'}, size: {value: 46},
        fill: {value: colours.ink}, stroke: {value: colours.paper}, strokeWidth: {value: 1.2}, tooltip: {signal: tip}}}},
      {type: 'rule', aria: false, encode: {update: {x: {scale: 'x', value: 0}, y: {value: 0}, y2: {signal: 'height'}, stroke: {value: colours.soft}}}},
      {type: 'text', from: {data: 'layers'}, aria: false, encode: {update: {
        x: {value: -10}, y: {scale: 'y', field: 'layer', band: 0.5}, align: {value: 'right'}, baseline: {value: 'middle'}, limit: {value: names - 14},
        text: {field: 'name'}, fill: {value: colours.ink}, fontWeight: {signal: 'datum.chosen ? 700 : 400'}, cursor: {value: 'pointer'}, tooltip: {signal: tip}}}},
    ],
  };
}

function describe() {
  const table = rows();
  const largest = table.reduce((a, b) => (b.magnitude > a.magnitude ? b : a));
  const {layer, example} = state.get();
  const chosen = table[layer];
  return `${plural(table.length, 'layer')} in the order of computation, ${data.exampleName(example)}. Bars: what speaks for the target (right) and against it (left); diamonds: their sum. ` +
    `Most is moved at ${largest.name} (${number(largest.positive)} for, ${number(-largest.negative)} against). ` +
    `${chosen.name}: ${signed(chosen.positive)} and ${number(chosen.negative)}, sum ${number(chosen.sum)}.`;
}

function numbers() {
  const body = el('tbody');
  const show = () => body.replaceChildren(...rows().map((row) => el('tr', {},
    el('th', {scope: 'row'}, row.name), el('td', {}, row.op), el('td', {}, row.cut ? 'yes' : ''),
    ...[row.positive, row.negative, row.sum, row.magnitude].map((value) => el('td', {class: 'numeric'}, number(value))))));
  state.on(['example'], show);
  show();
  const heads = ['layer', 'operator', 'cut', 'for', 'against', 'sum', 'magnitude'];
  return el('div', {class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Sums of all layers'}, el('table', {}, el('caption', {}, 'Sums over the neurons of every layer'),
    el('thead', {}, el('tr', {}, heads.map((head, i) => el('th', {scope: 'col', class: i > 2 ? 'numeric' : null}, head)))), body));
}

exports.make = () => {
  const figure = new Figure({name: 'layers', title: () => `Contributions by layer, ${data.exampleName(state.get().example)}`, spec, describe,
    pick: (datum) => datum.layer !== undefined && state.set({layer: datum.layer})});
  state.on(['example', 'layer'], () => figure.draw());
  return {
    element: section('flow', 'Where attribution flows', `${data.layers.some((layer) => layer.residual.length > 0) ? 'Every layer that all paths cross carries the same total. ' : ''}Choose a layer to see its neurons.`, figure.element, fold('The same as a table', numbers())),
    draw: () => figure.draw(),
  };
};
