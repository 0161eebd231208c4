// The head of the page: what was attributed, how, and how far the numbers can be trusted.

const data = require('./data');
const {el, byId} = require('./dom');
const {number, count, plural} = require('./format');

const METHODS = {
  nig: 'Neuron Integrated Gradients', conductance: 'Conductance', ig: 'Integrated Gradients', deeplift: 'DeepLIFT',
  internal_influence: 'Internal Influence', gradient_x_activation: 'Gradient × activation', gradient: 'Gradient', activation: 'Activation',
};

const fileName = (path) => path.split('/').pop();

function facts() {
  const run = data.run;
  const residual = data.worst('residual', -1);
  const error = data.worst('estimated_error', -1);
  const evaluations = data.evaluations.reduce((a, b) => a + b, 0);
  const [at, from] = data.target_values(-1);
  const converged = data.converged.filter(Boolean).length;
  const sha = run.model_sha256;
  return [
    ['Model', run.model ? fileName(run.model) : '–', sha ? `sha256 ${sha.slice(0, 12)}…` : ''],
    ['Method', METHODS[run.method] ?? run.method ?? '–', run.tolerance ? `tolerance ${run.tolerance}` : run.rules ?? ''],
    ['Target', data.target_tensor, `${run.target ?? ''}${data.target_note ? ` · ${data.target_note}` : ''}`],
    [data.count === 1 ? 'F(x) − F(x′)' : 'F(x) − F(x′), mean', number(at - from), `${number(at)} − ${number(from).startsWith('\u2212') ? `(${number(from)})` : number(from)}`],
    ['Worst residual', residual === null ? '–' : number(residual, 3), residual === null ? 'no layer is complete by theory' : '|Σ − (F(x) − F(x′))|'],
    ['Worst est. error', error === null ? '–' : number(error, 3), error === null ? 'the method has no estimate' : `relative; ${converged} of ${data.count} converged`],
    ['Examples', count(data.count), plural(data.layers.length, 'layer')],
    ['Evaluations', count(evaluations), data.count > 1 ? `${count(evaluations / data.count)} per example` : ''],
  ];
}

exports.start = () => {
  byId('title').textContent = data.title;
  byId('lead').textContent = `How much each neuron of ${plural(data.layers.length, 'layer')} contributed to ${data.target_tensor}${data.run.baseline ? `, compared with the baseline ${data.run.baseline}` : ''}.`;
  for (const [name, value, note] of facts()) {
    byId('facts').append(el('div', {}, el('dt', {}, name), el('dd', {}, value), note && el('dd', {class: 'note'}, note)));
  }
  if (data.notes.length > 0) {
    byId('notes').append(el('details', {class: 'notice'},
      el('summary', {}, `This page does not hold everything: ${plural(data.notes.length, 'part')} left out to keep it small`),
      el('ul', {}, data.notes.map((note) => el('li', {}, note)))));
  }
};

exports.METHODS = METHODS;
