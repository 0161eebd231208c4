// Parts of the sequence figure: a logo of letters, and bars of a layer stretched to the same axis.

const {NAMES, PATHS} = require('./glyphs');
const letters = require('./letters');

/** Letters stacked from 0: positive ones upwards, negative ones downwards, the largest furthest out. */
function stacked(example, first, last) {
  const rows = [];
  letters.contributions(example, first, last).forEach((list, i) => {
    const ordered = [...list].sort((a, b) => Math.abs(a.value) - Math.abs(b.value));
    let up = 0;
    let down = 0;
    for (const {letter, value} of ordered) {
      const from = value > 0 ? up : down;
      if (value > 0) up += value;
      else down += value;
      rows.push({position: first + i, letter: NAMES[letter], path: PATHS[letter], code: letter, value, high: Math.max(from, from + value), low: Math.min(from, from + value)});
    }
  });
  return rows;
}

const zero = (y, colours) => ({type: 'rule', aria: false, encode: {update: {x: {value: 0}, x2: {signal: 'width'}, y: {scale: y, value: 0}, stroke: {value: colours.soft}}}});
const axis = (y, title) => ({orient: 'left', scale: y, tickCount: 3, title, grid: true, domain: false, ticks: false, format: '.2~g'});

/** {data, scales, axes, marks, rows}: `top` and `height` in pixels; the x scale is called "x". */
exports.logo = (name, example, [first, last], top, height, cell, colours) => {
  const rows = stacked(example, first, last);
  const low = Math.min(0, ...rows.map((row) => row.low));
  const high = Math.max(0, ...rows.map((row) => row.high));
  const tip = "datum.letter + ' at ' + datum.position + ': ' + format(datum.value, '.4~g')";
  const colour = {signal: `[${colours.letters.map((one) => `'${one}'`).join()}][datum.code]`};
  const y = {scale: name, field: 'high'};
  // Letters of less than three pixels are bars of their colours.
  const mark = cell >= 3
    ? {type: 'path', encode: {update: {path: {field: 'path'}, x: {signal: "scale('x', datum.position) + 0.5"}, y, scaleX: {value: cell - 1}, scaleY: {signal: `scale('${name}', datum.low) - scale('${name}', datum.high)`}, fill: colour, tooltip: {signal: tip}}}}
    : {type: 'rect', encode: {update: {x: {scale: 'x', field: 'position'}, width: {value: Math.max(cell, 0.5)}, y, y2: {scale: name, field: 'low'}, fill: colour, tooltip: {signal: tip}}}};
  return {
    rows,
    data: {name, values: rows},
    scale: {name, type: 'linear', domain: [low, high === low ? low + 1 : high], range: [top + height, top], nice: true},
    axis: axis(name, 'contribution'),
    marks: [zero(name, colours), {...mark, from: {data: name}, aria: false, clip: true}],
  };
};

/** values: positions of a layer, stretched to `length` positions of the axis. */
exports.bars = (name, values, length, [first, last], top, height, title, colours) => {
  const step = length / values.length;
  const rows = Array.from(values, (value, i) => ({start: i * step, end: (i + 1) * step, value, index: i})).filter((row) => row.end > first && row.start < last);
  const low = Math.min(0, ...rows.map((row) => row.value));
  const high = Math.max(0, ...rows.map((row) => row.value));
  return {
    rows,
    data: {name, values: rows},
    scale: {name, type: 'linear', domain: [low, high === low ? low + 1 : high], range: [top + height, top], nice: true},
    axis: axis(name, ''),
    marks: [
      {type: 'rect', from: {data: name}, aria: false, clip: true, encode: {update: {
        x: {signal: `max(0, scale('x', datum.start))`}, x2: {signal: `min(width, max(scale('x', datum.end) - 0.4, scale('x', datum.start) + 0.5))`}, y: {scale: name, field: 'value'}, y2: {scale: name, value: 0},
        fill: {signal: `datum.value < 0 ? '${colours.negative}' : '${colours.positive}'`}, tooltip: {signal: "'position ' + datum.index + ': ' + format(datum.value, '.4~g')"}}}},
      zero(name, colours),
      {type: 'text', aria: false, encode: {update: {x: {value: 4}, y: {value: top - 6}, text: {value: title}, limit: {signal: 'width'}, fill: {value: colours.soft}, fontWeight: {value: 600}}}},
    ],
  };
};
