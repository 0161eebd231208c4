// A section of the page: heading, one sentence, contents.

const {el, newId} = require('./dom');

exports.section = (id, heading, sentence, ...children) => {
  const title = newId('section');
  return el('section', {id, class: 'card', 'aria-labelledby': title}, el('h2', {id: title}, heading),
    sentence && el('p', {class: 'sentence'}, sentence), ...children);
};

/** A foldable part. */
exports.fold = (summary, ...children) => el('details', {class: 'fold'}, el('summary', {}, summary), ...children);
