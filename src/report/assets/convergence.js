// How far each example's numbers can be trusted: evaluations spent, errors left, sums missed.

const data = require('./data');
const state = require('./state');
const {Figure} = require('./figure');
const {Table} = require('./table');
const {el} = require('./dom');
const {section} = require('./section');
const {number, column, count} = require('./format');

const MOST = 240;
const tolerance = Number(data.run.tolerance);
const orNaN = (value) => value ?? NaN;
const rows = Array.from({length: data.count}, (_, example) => ({
  example, name: data.first + example, evaluations: data.evaluations[example], steps: data.steps[example],
  error: orNaN(data.worst('estimated_error', example)), residual: orNaN(data.worst('residual', example)), converged: data.converged[example],
}));
const errors = rows.filter((row) => row.error > 0);

/** Examples drawn: all, or those around the chosen one. */
function shown() {
  const first = Math.max(0, Math.min(state.get().example - MOST / 2, rows.length - MOST));
  return rows.slice(first, first + MOST);
}

function spec(width, colours) {
  const inner = Math.max(width - 76, 80);
  const height = 92;
  const gap = 44;
  const {example} = state.get();
  const values = shown().map((row) => ({...row, chosen: row.example === example}));
  const below = height + gap;
  const marks = [
    {type: 'rect', from: {data: 'examples'}, aria: false, encode: {update: {
      xc: {scale: 'x', field: 'name', band: 0.5}, width: {signal: "min(34, 0.76 * bandwidth('x'))"}, y: {scale: 'evaluations', field: 'evaluations'}, y2: {value: height},
      fill: {value: colours.accent}, fillOpacity: {signal: 'datum.chosen ? 1 : 0.55'}, cursor: {value: 'pointer'},
      tooltip: {signal: "'example ' + datum.name + ': ' + datum.evaluations + ' evaluations, ' + datum.steps + ' steps'"}}}}];
  const scales = [
    {name: 'x', type: 'band', domain: values.map((row) => row.name), range: 'width'},
    {name: 'evaluations', type: 'linear', domain: [0, Math.max(...rows.map((row) => row.evaluations), 1)], range: [height, 0], nice: true},
  ];
  const every = Math.ceil(values.length / Math.max(4, Math.floor(inner / 42)));
  const axes = [{orient: 'bottom', scale: 'x', title: 'example', domain: false, ticks: false, values: values.filter((_, i) => i % every === 0).map((row) => row.name)},
    {orient: 'left', scale: 'evaluations', tickCount: 3, grid: true, domain: false, ticks: false, title: 'evaluations', format: '~s'}];
  if (errors.length > 0) {
    const low = Math.min(...errors.map((row) => row.error), tolerance || Infinity);
    const high = Math.max(...errors.map((row) => row.error), tolerance || 0);
    scales.push({name: 'error', type: 'log', domain: [low / 1.5, high * 1.5], range: [below + height, below]});
    axes.push({orient: 'left', scale: 'error', tickCount: 3, grid: true, domain: false, ticks: false, title: 'est. error', format: '.0e'});
    if (tolerance > 0) {
      marks.push({type: 'rule', aria: false, encode: {update: {x: {value: 0}, x2: {signal: 'width'}, y: {scale: 'error', value: tolerance}, stroke: {value: colours.ink}, strokeDash: {value: [5, 4]}}}},
        {type: 'text', aria: false, encode: {update: {x: {signal: 'width'}, y: {scale: 'error', value: tolerance, offset: -5}, align: {value: 'right'}, text: {value: `tolerance ${tolerance}`}, fill: {value: colours.soft}}}});
    }
    marks.push({type: 'symbol', from: {data: 'errors'}, aria: false, encode: {update: {
      x: {scale: 'x', field: 'name', band: 0.5}, y: {scale: 'error', field: 'error'}, size: {signal: 'datum.chosen ? 90 : 42'}, cursor: {value: 'pointer'},
      shape: {signal: "datum.converged ? 'circle' : 'triangle-up'"}, fill: {signal: `datum.converged ? '${colours.accent}' : '${colours.positive}'`}, stroke: {value: colours.paper},
      tooltip: {signal: "'example ' + datum.name + ': estimated error ' + format(datum.error, '.2e') + (datum.converged ? '' : ', not converged')"}}}});
  }
  return {
    width: inner, height: errors.length > 0 ? below + height : height,
    data: [{name: 'examples', values}, {name: 'errors', values: values.filter((row) => row.error > 0)}], scales, axes, marks,
  };
}

function describe() {
  const evaluations = rows.map((row) => row.evaluations);
  const total = evaluations.reduce((a, b) => a + b, 0);
  const missed = rows.filter((row) => !row.converged);
  const worst = errors.reduce((a, b) => (a && a.error >= b.error ? a : b), null);
  return `Evaluations per example: ${count(Math.min(...evaluations))} to ${count(Math.max(...evaluations))}, ${count(total)} together.` +
    (worst ? ` The largest estimated error is ${number(worst.error, 3)}, of example ${worst.name}.` : '') +
    (rows.length > MOST ? ` Shown are examples ${shown()[0].name} to ${shown()[MOST - 1].name}.` : '') +
    (missed.length > 0 ? ` Not converged (triangles): ${missed.length} of ${rows.length}.` : '');
}

function makeTable() {
  const of = (key, title, help, show = column) => ({title, help, numeric: true, value: (i) => rows[i][key], cell: (i) => show(rows[i][key], 3)});
  return new Table({
    label: 'Examples', sorted: {column: 0, down: false}, search: rows.length > 12 ? 'Find example or target' : null,
    matches: (i, text) => String(rows[i].name) === text || data.targetName(i).toLowerCase().includes(text.toLowerCase()),
    pick: (i) => state.set({example: i}), picked: (i) => state.get().example === i,
    columns: [
      {title: 'Example', numeric: true, value: (i) => i, cell: (i) => String(rows[i].name)},
      {title: 'Target', value: (i) => data.targetName(i), cell: (i) => data.targetName(i)},
      {title: 'F(x)', numeric: true, value: (i) => orNaN(data.f_input[i]), cell: (i) => column(data.f_input[i])},
      {title: 'F(x′)', numeric: true, value: (i) => orNaN(data.f_baseline[i]), cell: (i) => column(data.f_baseline[i])},
      of('residual', 'Residual', 'Of the worst layer'), of('error', 'Est. error', 'Of the worst layer, relative'),
      of('evaluations', 'Evaluations', 'Forward passes', count), of('steps', 'Steps', 'Segments of the path', count),
      {title: 'Converged', value: (i) => (rows[i].converged ? 'yes' : 'no'), cell: (i) => (rows[i].converged ? 'yes' : 'no')},
    ],
  });
}

exports.make = () => {
  const figure = new Figure({name: 'convergence', title: () => 'Evaluations and errors by example', spec, describe,
    pick: (datum) => datum.example !== undefined && state.set({example: datum.example})});
  const table = makeTable();
  table.show(rows.length, `${data.count === 1 ? 'The example' : `All ${data.count} examples`}: residual and estimated error are those of the worst layer`);
  state.on(['example'], () => {
    table.refresh();
    figure.draw();
  });
  return {element: section('convergence', 'Convergence', 'What every example cost, and how near its sums and estimates are.', el('div', {class: 'stack'}, figure.element, table.element)), draw: () => figure.draw()};
};
