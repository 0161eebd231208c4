// Everything that is needed to repeat the run.

const data = require('./data');
const {el, announce} = require('./dom');
const {section, fold} = require('./section');

exports.make = () => {
  const rows = Object.entries({...data.run, target_tensor: data.target_tensor, target_note: data.target_note, batching: data.batching, micro_batch: data.micro_batch})
    .filter(([key, value]) => key !== 'command' && value !== '');
  const command = data.run.command;
  const copy = el('button', {type: 'button', class: 'quiet small', onclick: async () => {
    await navigator.clipboard?.writeText(command);
    announce('The command was copied');
  }}, 'Copy');
  return {
    element: section('reproduce', 'Reproduce', null,
      command ? el('div', {class: 'command'}, el('pre', {tabindex: '0', 'aria-label': 'Command'}, el('code', {}, command)), copy) : el('p', {class: 'sentence'}, 'The result does not say by which command it was made.'),
      fold('All metadata', el('div', {class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': 'Metadata'}, el('table', {class: 'metadata'}, el('caption', {}, 'Metadata of the result'),
        el('tbody', {}, rows.map(([key, value]) => el('tr', {}, el('th', {scope: 'row'}, key), el('td', {}, String(value))))))))),
    draw: () => {},
  };
};
