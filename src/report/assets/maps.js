// Where in the input: the layer's contributions by position, summed over channels, and those of its largest channels.

const data = require('./data');
const state = require('./state');
const {Figure} = require('./figure');
const {el} = require('./dom');
const {section} = require('./section');
const {chosenChannel, choose} = require('./neurons');
const {inputOf, inputImage, mapImage} = require('./pixels');
const {number, plural} = require('./format');

const CHANNELS = 6;
const GAP = 14;
const TITLE = 18;
let over = true;

const picture = data.inputs.find((input) => input.kind === 'image');

/** Positions as rows and columns: the last axis across, all between it and the channels down. */
function cellsOf(layer) {
  if (!layer.hasPositions || layer.shape.length < 3) return null;
  const width = layer.shape[layer.shape.length - 1];
  return {width, height: layer.positions / width};
}

exports.isMap = (layer) => cellsOf(layer) !== null;

function largestChannels(layer, example) {
  const units = layer.byChannel();
  const order = Array.from({length: units.count}, (_, i) => i).sort((a, b) => Math.abs(units.at(example, b)) - Math.abs(units.at(example, a)) || a - b);
  const chosen = chosenChannel();
  return chosen === null ? order.slice(0, CHANNELS) : [chosen, ...order.filter((channel) => channel !== chosen).slice(0, CHANNELS - 1)];
}

/** What is drawn: the input, the sum over channels, single channels. */
function panels() {
  const {example, layer: index} = state.get();
  const layer = data.layers[index];
  const cells = cellsOf(layer);
  if (cells === null) return null;
  const sum = layer.positionsOf(example);
  if (sum === null) return null;
  const shown = [{kind: 'map', title: layer.channels > 1 ? `sum over ${layer.channels} channels` : 'contributions', values: sum}];
  if (layer.channels > 1 && layer.detail === 'neurons') {
    for (const channel of largestChannels(layer, example)) {
      shown.push({kind: 'map', channel, chosen: channel === chosenChannel(), title: `channel ${channel}: ${number(layer.byChannel().at(example, channel), 3)}`, values: layer.channelOf(example, channel)});
    }
  }
  const input = inputOf(picture, example);
  if (input) shown.unshift({kind: 'input', title: `input ${data.first + example}`});
  // The sum has a scale of its own: on it, single channels would be pale.
  const limitOf = (wanted) => {
    let limit = 0;
    for (const panel of shown.filter(wanted)) {
      for (const value of panel.values) limit = Math.max(limit, Math.abs(value));
    }
    return limit || 1;
  };
  const limits = [limitOf((panel) => panel.kind === 'map' && panel.channel === undefined), limitOf((panel) => panel.channel !== undefined)];
  return {shown, cells, input, limits, layer};
}

function spec(width, colours) {
  const all = panels();
  if (all === null) return null;
  const shape = all.input ?? all.cells;
  const aspect = Math.min(4, shape.height / shape.width);
  const columns = aspect < 0.3 ? 1 : Math.min(all.shown.length, Math.max(2, Math.floor(width / 190)), width > 900 ? 4 : 3);
  const side = Math.floor(Math.min((width - 10 - GAP * (columns - 1)) / columns, aspect < 0.3 ? width : 250));
  const height = Math.max(12, Math.round(side * aspect));
  const scale = Math.min(2, 640 / Math.max(side, height));
  const size = {width: Math.round(side * scale), height: Math.round(height * scale)};
  const tiles = all.shown.map((panel, i) => ({
    title: panel.title, channel: panel.channel, chosen: Boolean(panel.chosen),
    x: (i % columns) * (side + GAP), y: Math.floor(i / columns) * (height + TITLE + GAP) + TITLE,
    url: panel.kind === 'input' ? inputImage(all.input, size.width, size.height)
      : mapImage(panel.values, all.cells, size, all.limits[panel.channel === undefined ? 0 : 1], colours, over ? all.input : null),
  }));
  const rows = Math.ceil(tiles.length / columns);
  const shownLimits = all.shown.some((panel) => panel.channel !== undefined) ? all.limits : all.limits.slice(0, 1);
  return {
    width: columns * (side + GAP) - GAP, height: rows * (height + TITLE + GAP),
    data: [{name: 'tiles', values: tiles}],
    scales: shownLimits.map((limit, i) => ({name: `colour${i}`, type: 'linear', domain: [-limit, 0, limit], range: [colours.mapNegative, colours.mapZero, colours.mapPositive]})),
    legends: shownLimits.map((limit, i) => ({
      fill: `colour${i}`, type: 'gradient', orient: 'bottom', direction: 'horizontal', gradientLength: Math.min(260, width / 2 - 40), gradientThickness: 10,
      values: [-limit, 0, limit], format: '.3~g', title: i === 0 ? 'position, sum over channels' : 'position of one channel', titleLimit: 260})),
    marks: [
      {type: 'image', from: {data: 'tiles'}, aria: false, encode: {update: {x: {field: 'x'}, y: {field: 'y'}, url: {field: 'url'}, width: {value: side}, height: {value: height}, aspect: {value: false}, cursor: {signal: "isValid(datum.channel) ? 'pointer' : 'default'"}}}},
      {type: 'rect', interactive: false, from: {data: 'tiles'}, aria: false, encode: {update: {x: {field: 'x'}, y: {field: 'y'}, width: {value: side}, height: {value: height}, fill: {value: null}, stroke: {signal: `datum.chosen ? '${colours.accent}' : '${colours.line}'`}, strokeWidth: {signal: 'datum.chosen ? 2.5 : 1'}}}},
      {type: 'text', from: {data: 'tiles'}, aria: false, encode: {update: {x: {field: 'x'}, y: {signal: 'datum.y - 6'}, text: {field: 'title'}, limit: {value: side}, fill: {value: colours.soft}, fontWeight: {signal: 'datum.chosen ? 700 : 400'}}}},
    ],
  };
}

function extremes(values, cells) {
  let low = 0;
  let high = 0;
  for (let i = 1; i < values.length; ++i) {
    if (values[i] < values[low]) low = i;
    if (values[i] > values[high]) high = i;
  }
  const place = (i) => `${number(values[i])} at row ${Math.floor(i / cells.width)}, column ${i % cells.width}`;
  return `from ${place(low)} to ${place(high)}`;
}

function describe() {
  const all = panels();
  const map = all.shown.find((panel) => panel.kind === 'map');
  const single = all.shown.filter((panel) => panel.channel !== undefined).map((panel) => panel.channel);
  return `${all.layer.name}, ${data.exampleName(state.get().example)}: ${all.cells.height} × ${all.cells.width} positions` +
    `${all.input ? `, enlarged to the input’s ${all.input.height} × ${all.input.width}` : ''}; their sums over channels lie ${extremes(map.values, all.cells)}.` +
    (single.length > 0 ? ` Then ${single.length === 1 ? 'channel' : 'channels'} ${single.join(', ')}.` : '');
}

exports.make = () => {
  if (!data.layers.some(exports.isMap)) return null;
  const figure = new Figure({name: 'maps', title: () => `Contributions by position in ${data.layers[state.get().layer].name}`, spec, describe,
    pick: (datum) => datum.channel !== undefined && datum.channel !== null && choose(datum.channel)});
  const none = el('p', {class: 'sentence'});
  const checkbox = picture && el('label', {class: 'check'}, el('input', {type: 'checkbox', checked: true, onchange: (event) => {
    over = event.target.checked;
    figure.draw();
  }}), 'Draw over the input');
  const show = () => {
    const layer = data.layers[state.get().layer];
    const first = data.layers.filter(exports.isMap).map((one) => one.name);
    none.textContent = panels() !== null ? '' : `${layer.name} [${layer.shape.join(', ')}] has no ${layer.detail === 'neurons' ? 'positions in two dimensions' : 'positions on this page'}; ${plural(first.length, 'layer')} with maps: ${first.slice(0, 6).join(', ')}${first.length > 6 ? ', …' : ''}.`;
    none.hidden = none.textContent === '';
    return figure.draw();
  };
  state.on(['example', 'layer', 'unit'], show);
  return {
    element: section('maps', 'Maps', 'Red speaks for the target, blue against it. The channels share one scale, their sum has its own.', checkbox && el('div', {class: 'tools'}, checkbox), none, figure.element),
    draw: show,
  };
};
