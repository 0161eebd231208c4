// Along a sequence: letters as large as their contributions, and one-dimensional layers aligned below.

const data = require('./data');
const state = require('./state');
const {Figure} = require('./figure');
const {el, announce} = require('./dom');
const {section} = require('./section');
const {chosenChannel} = require('./neurons');
const letters = require('./letters');
const tracks = require('./tracks');
const {number} = require('./format');

const LETTER = 13;
const SMALLEST = 8;

const isTrack = (layer) => layer.shape.length === 2 && layer.hasPositions && layer !== letters.layer && layer.byPosition() !== null;
const candidates = data.layers.filter((layer) => layer.shape.length === 2 && layer.hasPositions && layer !== letters.layer && layer.detail !== 'top');

/** The layer drawn below: the chosen one, or the first there is. */
function track() {
  const layer = data.layers[state.get().layer];
  return isTrack(layer) ? layer : candidates.find(isTrack) ?? null;
}

const lengthOf = () => letters.length || track().positions;
let range = [0, Infinity];
let fitted = false;

function window_() {
  if (range[1] > lengthOf()) range = [0, lengthOf()];
  return range;
}

/** At first: as many letters as can be read, around the strongest. */
function fit(width) {
  const length = lengthOf();
  const size = Math.min(length, Math.max(SMALLEST, Math.floor(width / LETTER)));
  if (!letters.layer || size === length) return;
  const middle = letters.strongest(state.get().example);
  const first = Math.min(Math.max(0, middle - Math.floor(size / 2)), length - size);
  range = [first, first + size];
}

function spec(width, colours) {
  if (!fitted) fit(width - 66);
  fitted = true;
  const layer = track();
  const length = lengthOf();
  const [first, last] = window_();
  const {example} = state.get();
  const inner = Math.max(width - 66, 80);
  const parts = [];
  let top = 4;
  if (letters.layer) {
    parts.push(tracks.logo('logo', example, [first, last], top, 150, inner / (last - first), colours));
    top += 150 + 36;
  }
  if (layer) {
    parts.push(tracks.bars('sum', layer.positionsOf(example), length, [first, last], top, 78, `${layer.name}, sum over ${layer.channels} channels`, colours));
    top += 78 + 36;
    const channel = chosenChannel();
    const values = channel !== null && layer === data.layers[state.get().layer] ? layer.channelOf(example, channel) : null;
    if (values) {
      parts.push(tracks.bars('channel', values, length, [first, last], top, 78, `${layer.name}, channel ${channel}`, colours));
      top += 78 + 36;
    }
  }
  if (parts.length === 0) return null;
  return {
    width: inner, height: top - 30,
    data: parts.map((part) => part.data),
    scales: [{name: 'x', type: 'linear', domain: [first, last], range: 'width', zero: false}, ...parts.map((part) => part.scale)],
    axes: [{orient: 'bottom', scale: 'x', tickCount: Math.max(3, Math.floor(inner / 90)), format: 'd', title: 'position', tickMinStep: 1, domain: false}, ...parts.map((part) => part.axis)],
    marks: parts.flatMap((part) => part.marks),
  };
}

function describe() {
  const [first, last] = window_();
  const {example} = state.get();
  const words = [`Positions ${first} to ${last - 1} of ${lengthOf()}, ${data.exampleName(example)}.`];
  if (letters.layer) {
    const rows = letters.contributions(example, first, last).flatMap((list, i) => list.map((one) => ({...one, position: first + i})));
    rows.sort((a, b) => Math.abs(b.value) - Math.abs(a.value));
    words.push(`Letters are as tall as what they contribute; largest: ${rows.slice(0, 4).map((one) => `${'ACGT'[one.letter]} at ${one.position} (${number(one.value, 3)})`).join(', ') || 'none'}.`);
    const sum = rows.reduce((total, one) => total + one.value, 0);
    words.push(`Together ${number(sum)}.`);
  } else if (letters.input) {
    words.push('The result has no contributions of the input itself: attribute it too for a logo (-l with the input’s name).');
  }
  if (track()) words.push(`Below, ${track().name}, its ${track().positions} positions stretched to the axis.`);
  return words.join(' ');
}

function controls(draw) {
  const position = el('span', {class: 'position'});
  const slider = el('input', {type: 'range', min: 0, step: 1, 'aria-label': 'First position shown', oninput: (event) => move(Number(event.target.value) - range[0])});
  const show = () => {
    const [first, last] = window_();
    slider.max = String(lengthOf() - (last - first));
    slider.value = String(first);
    slider.disabled = last - first === lengthOf();
    position.textContent = `${first}–${last - 1} of ${lengthOf()}`;
  };
  const set = (first, size) => {
    const length = lengthOf();
    const kept = Math.round(Math.min(Math.max(size, Math.min(SMALLEST, length)), length));
    const start = Math.round(Math.min(Math.max(first, 0), length - kept));
    range = [start, start + kept];
    show();
    draw();
    announce(`Positions ${position.textContent}`);
  };
  const move = (by) => set(range[0] + by, range[1] - range[0]);
  const zoom = (factor) => set((range[0] + range[1]) / 2 - ((range[1] - range[0]) * factor) / 2, (range[1] - range[0]) * factor);
  const button = (text, label, act) => el('button', {type: 'button', class: 'small', 'aria-label': label, title: label, onclick: act}, text);
  show();
  return {
    show,
    element: el('div', {class: 'tools range'}, button('−', 'Zoom out', () => zoom(2)), button('+', 'Zoom in', () => zoom(0.5)),
      button('‹', 'Move left', () => move(-Math.ceil((range[1] - range[0]) / 2))), slider, button('›', 'Move right', () => move(Math.ceil((range[1] - range[0]) / 2))),
      button('Whole', 'Show the whole sequence', () => set(0, lengthOf())),
      letters.layer && button('Strongest', 'Go to the strongest position', () => set(letters.strongest(state.get().example) - (range[1] - range[0]) / 2, range[1] - range[0])), position),
  };
}

exports.make = () => {
  if (!letters.input && candidates.length === 0) return null;
  if (!letters.layer && track() === null) return null;
  const figure = new Figure({name: 'sequence', title: () => (letters.layer ? `What each letter of ${letters.input.name} contributes` : 'Contributions along the sequence'), spec, describe});
  const choice = controls(() => figure.draw());
  state.on(['example', 'layer', 'unit'], () => {
    choice.show();
    figure.draw();
  });
  return {element: section('sequence', 'Sequence', 'Letters above the line speak for the target, letters below it against it.', choice.element, figure.element), draw: () => figure.draw().then(choice.show)};
};
