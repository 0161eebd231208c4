// The bar that stays in sight: which example and which layer is shown.

const data = require('./data');
const state = require('./state');
const {el, byId, announce} = require('./dom');
const {number} = require('./format');

function option(example) {
  const text = example < 0 ? `Mean of all ${data.count} examples` : `${data.first + example} · ${data.targetName(example)} · F ${number(data.f_input[example])}`;
  return el('option', {value: example}, text);
}

function summary(example) {
  const [at, from] = data.target_values(example);
  const residual = data.worst('residual', example);
  return `F(x) ${number(at)}   F(x′) ${number(from)}   Δ ${number(at - from)}` +
    (residual === null ? '' : `   residual ${number(residual, 2)}`);
}

/** Example `by` further on, round the end. */
function step(by) {
  const first = data.count > 1 ? -1 : 0;
  const span = data.count - first;
  const next = ((state.get().example - first + by + span) % span) + first;
  state.set({example: next});
}

const keys = el('input', {type: 'checkbox', checked: true});

function onKey(event) {
  if (!keys.checked) return;
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  if (event.target.closest('select, textarea, input:not([type=checkbox], [type=radio])')) return;
  const actions = {
    n: () => step(1), p: () => step(-1),
    j: () => state.set({layer: Math.min(state.get().layer + 1, data.layers.length - 1)}),
    k: () => state.set({layer: Math.max(state.get().layer - 1, 0)}),
  };
  const action = actions[event.key];
  if (action) action();
}

exports.start = () => {
  const many = data.count > 1;
  const examples = el('select', {id: 'example', onchange: (event) => state.set({example: Number(event.target.value)})},
    many && option(-1), data.target.map((_, example) => option(example)));
  const layers = el('select', {id: 'layer', onchange: (event) => state.set({layer: Number(event.target.value)})},
    data.layers.map((layer) => el('option', {value: layer.number}, `${layer.name}  ·  ${layer.op} [${layer.shape.join(', ')}]`)));
  const line = el('p', {class: 'summary', id: 'example-summary'});
  const button = (text, label, by) => el('button', {type: 'button', class: 'step', 'aria-label': label, title: label, disabled: !many, onclick: () => step(by)}, text);
  byId('controls').append(
    el('div', {class: 'control'}, el('label', {for: 'example'}, 'Example'),
      el('span', {class: 'stepper'}, button('‹', 'Previous example (p)', -1), examples, button('›', 'Next example (n)', 1))),
    el('div', {class: 'control'}, el('label', {for: 'layer'}, 'Layer'), layers), line);
  const show = () => {
    const {example, layer} = state.get();
    examples.value = String(example);
    layers.value = String(layer);
    line.textContent = summary(example);
  };
  state.on(['example', 'layer'], (now, changed) => {
    show();
    announce(changed.includes('layer') ? `Layer ${data.layers[now.layer].name}` : `${data.exampleName(now.example)}, ${summary(now.example)}`);
  });
  byId('foot').append(el('label', {class: 'check'}, keys, 'Keys: n and p change the example, j and k the layer'), el('span', {}, `Made by mho ${data.run.mho ?? ''}`));
  document.addEventListener('keydown', onKey);
  show();
};
