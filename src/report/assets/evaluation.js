// What `mho evaluate` found: how F falls as the neurons that a measure names are taken away, and scores of every measure.

const data = require('./data');
const state = require('./state');
const {Figure} = require('./figure');
const {el} = require('./dom');
const {section, fold} = require('./section');
const {number, plural} = require('./format');

const METRICS = [
  ['deletion_area', 'Deletion area', 'low', 'Area below the deletion curve: small is good'],
  ['insertion_area', 'Insertion area', 'high', 'Area below the insertion curve: large is good'],
  ['spearman', 'Spearman', 'high', 'Rank correlation with ablation neuron by neuron'],
  ['kendall', 'Kendall', 'high', 'Rank correlation τ-b with ablation neuron by neuron'],
  ['completeness', 'Completeness', 'low', '|Σ − (F(x) − F(x′))|, relative'],
  ['infidelity', 'Infidelity', 'low', 'Error of predicting what removing random sets does (arXiv 1901.09392)'],
  ['infidelity_scaled', 'Infidelity, scaled', 'low', 'The same after the best factor: for measures that are no contributions'],
  ['max_sensitivity', 'Max-sensitivity', 'low', 'Largest relative change under small noise (arXiv 1901.09392)'],
];

const evaluation = data.evaluation;
let chosen = null;

/** The evaluated layer that is the chosen layer, else the one chosen here, else the first. */
function layer() {
  const name = data.layers[state.get().layer].name;
  return evaluation.layers.find((one) => one.name === chosen) ?? evaluation.layers.find((one) => one.name === name) ?? evaluation.layers[0];
}

function points(curve) {
  const {removed, units, methods} = layer();
  return methods.flatMap((method, order) => removed.map((count, i) => ({
    method: method.name, order, part: units > 0 ? count / units : 0, value: method[curve].value[i],
    low: method[curve].low[i] ?? method[curve].value[i], high: method[curve].high[i] ?? method[curve].value[i],
  })).filter((point) => typeof point.value === 'number'));
}

const dash = (method, i) => (method.reference ? [[2, 3], [1, 5], [8, 3, 1, 3]][i % 3] : [[], [7, 3], [3, 2], [9, 3, 2, 3]][i % 4]);

function panel(name, title, left, side, height, methods, colours) {
  return {
    type: 'group', aria: false, encode: {update: {x: {value: left[0]}, y: {value: left[1]}, width: {value: side}, height: {value: height}}},
    title: {text: title, anchor: 'start', offset: 8},
    scales: [{name: 'x', type: 'linear', domain: [0, 1], range: [0, side]}, {name: 'y', type: 'linear', domain: {signal: 'extent'}, range: [height, 0], nice: true}],
    axes: [{orient: 'bottom', scale: 'x', format: '.0%', tickCount: 4, title: name === 'deletion' ? 'part of the units taken away' : 'part of the units put back', domain: false},
      {orient: 'left', scale: 'y', grid: true, tickCount: 4, domain: false, ticks: false, title: '(F − F(x′)) / (F(x) − F(x′))'}],
    marks: methods.flatMap((method, i) => {
      const from = {data: `${name}-${i}`};
      const stroke = method.reference ? colours.soft : colours.series[i % 8];
      const x = {scale: 'x', field: 'part'};
      return [
        {type: 'area', from, aria: false, interactive: false, encode: {update: {x, y: {scale: 'y', field: 'low'}, y2: {scale: 'y', field: 'high'}, fill: {value: stroke}, fillOpacity: {value: Math.min(0.1, 0.4 / methods.length)}}}},
        {type: 'line', from, aria: false, encode: {update: {x, y: {scale: 'y', field: 'value'}, stroke: {value: stroke}, strokeWidth: {value: 1.8}, strokeDash: {value: dash(method, i)}, tooltip: {value: method.name}}}},
      ];
    }),
  };
}

function spec(width, colours) {
  const {methods} = layer();
  const curves = {deletion: points('deletion'), insertion: points('insertion')};
  const all = [...curves.deletion, ...curves.insertion];
  if (all.length === 0) return null;
  const wide = width > 640;
  const side = wide ? (width - 150) / 2 : width - 76;
  const height = 210;
  const extent = [Math.min(0, ...all.map((point) => point.low)), Math.max(1, ...all.map((point) => point.high))];
  return {
    width: wide ? width - 80 : side, height: wide ? height : 2 * height + 80,
    signals: [{name: 'extent', value: extent}],
    data: methods.flatMap((_, i) => ['deletion', 'insertion'].map((name) => ({name: `${name}-${i}`, values: curves[name].filter((point) => point.order === i)}))),
    scales: [
      {name: 'stroke', type: 'ordinal', domain: methods.map((method) => method.name), range: methods.map((method, i) => (method.reference ? colours.soft : colours.series[i % 8]))},
      {name: 'dash', type: 'ordinal', domain: methods.map((method) => method.name), range: methods.map(dash)}],
    legends: [{stroke: 'stroke', strokeDash: 'dash', orient: 'bottom', direction: 'horizontal', columns: Math.max(1, Math.floor(width / 190)), symbolType: 'stroke', symbolStrokeWidth: 2, symbolSize: 340, labelLimit: 150}],
    marks: [panel('deletion', 'Deletion: largest first', [0, 0], side, height, methods, colours), panel('insertion', 'Insertion: largest first', wide ? [side + 70, 0] : [0, height + 80], side, height, methods, colours)],
  };
}

/** The best of the methods that are judged, or null. */
function best(key, better) {
  const judged = layer().methods.filter((method) => !method.reference && typeof method.scores[key]?.value === 'number');
  if (judged.length < 2) return null;
  const sign = better === 'low' ? 1 : -1;
  return judged.reduce((a, b) => (sign * b.scores[key].value < sign * a.scores[key].value ? b : a)).name;
}

function describe() {
  const one = layer();
  const said = METRICS.slice(0, 3).map(([key, title, better]) => [title, best(key, better), key]).filter(([, name]) => name);
  const value = (name, key) => number(one.methods.find((method) => method.name === name).scores[key].value, 3);
  return `${one.name}, ${plural(one.units, 'unit')}: F as units are taken away, or put back, in the order of each measure; bands are confidence intervals. ` +
    said.map(([title, name, key]) => `${title}: best ${name} (${value(name, key)}).`).join(' ');
}

function scores() {
  const shown = METRICS.filter(([key]) => layer().methods.some((method) => typeof method.scores[key]?.value === 'number'));
  const winners = shown.map(([key, , better]) => best(key, better));
  const cell = (method, [key], i) => {
    const score = method.scores[key] ?? {};
    const interval = typeof score.low === 'number' ? el('span', {class: 'interval'}, `${number(score.low, 2)} … ${number(score.high, 2)}`) : null;
    return el('td', {class: winners[i] === method.name ? 'numeric best' : 'numeric'}, number(score.value, 3), winners[i] === method.name && el('span', {class: 'visually-hidden'}, ' (best)'), interval);
  };
  const costs = new Map((evaluation.methods ?? []).map((cost) => [cost.name, cost]));
  const cost = (method, key) => el('td', {class: 'numeric'}, number(costs.get(method.name)?.[key], 3));
  return el('table', {}, el('caption', {}, `${layer().name}: scores with their intervals over ${plural(evaluation.examples?.length ?? 0, 'example')}; the best is bold`),
    el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, 'Measure'), shown.map(([, title, better, help]) => el('th', {scope: 'col', class: 'numeric', title: help}, title, el('span', {class: 'direction'}, better === 'low' ? ' ↓' : ' ↑'), el('span', {class: 'visually-hidden'}, better === 'low' ? ' (low is good)' : ' (high is good)'))),
      el('th', {scope: 'col', class: 'numeric'}, 's / example'), el('th', {scope: 'col', class: 'numeric'}, 'Evaluations'))),
    el('tbody', {}, layer().methods.map((method) => el('tr', {class: method.reference ? 'reference' : null}, el('th', {scope: 'row'}, method.name, method.reference && ' (reference)'),
      shown.map((metric, i) => cell(method, metric, i)), cost(method, 'seconds'), cost(method, 'evaluations')))));
}

exports.make = () => {
  if (!evaluation) return null;
  const figure = new Figure({name: 'evaluation', title: () => `Deletion and insertion at ${layer().name}`, spec, describe});
  const holder = el('div', {class: 'table-scroll scores', tabindex: '0', role: 'region', 'aria-label': 'Scores of the measures'});
  const choice = el('select', {id: 'evaluated', onchange: (event) => {
    chosen = event.target.value;
    show();
  }}, evaluation.layers.map((one) => el('option', {value: one.name}, one.name)));
  const show = () => {
    choice.value = layer().name;
    holder.replaceChildren(scores());
    return figure.draw();
  };
  state.on(['layer'], () => {
    chosen = null;
    show();
  });
  choice.value = layer().name;
  holder.replaceChildren(scores());
  return {
    element: section('evaluation', 'Which measure predicts ablation', 'Each measure ranks the layer’s neurons; the better the ranking, the faster F falls as the first are taken away.',
      el('div', {class: 'tools'}, el('label', {class: 'control', for: 'evaluated'}, 'Evaluated layer'), choice), figure.element, holder,
      evaluation.command && fold('How it was evaluated', el('pre', {tabindex: '0'}, el('code', {}, evaluation.command)))),
    draw: show,
  };
};
