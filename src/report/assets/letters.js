// The contributions of the letters of one-hot DNA: which letter stands where, and what it is worth.

const data = require('./data');

const input = data.inputs.find((one) => one.kind === 'dna') ?? null;
const bare = (shape) => shape.filter((extent) => extent !== 1).join();

/** The layer that holds the input's own contributions. */
const layer = input && (data.layers.find((one) => one.op === 'Input' && bare(one.shape) === bare(input.shape) && one.detail === 'neurons') ?? null);

exports.input = input;
exports.layer = layer;
exports.length = input ? input.length : 0;

/** What letter `letter` at `position` contributes to an example, whether it stands there or not. */
function value(example, position, letter) {
  const at = input.lettersFirst ? letter * input.length + position : 4 * position + letter;
  return layer.raw()[example * 4 * input.length + at];
}

exports.letterAt = (example, position) => input.bytes()[example * input.length + position];

/** Per position of [first, last): [{letter, value}…], what stands there times its contribution, or its mean over all examples. */
exports.contributions = (example, first, last) => {
  const positions = [];
  const examples = example < 0 ? data.count : 1;
  for (let position = first; position < last; ++position) {
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < examples; ++i) {
      const one = example < 0 ? i : example;
      const letter = exports.letterAt(one, position);
      if (letter < 4) sums[letter] += value(one, position, letter) / examples;
    }
    positions.push(sums.map((sum, letter) => ({letter, value: sum})).filter((one) => one.value !== 0));
  }
  return positions;
};

/** The position whose letters are worth most. */
exports.strongest = (example) => {
  const totals = exports.contributions(example, 0, input.length).map((list) => Math.abs(list.reduce((sum, one) => sum + one.value, 0)));
  return totals.indexOf(totals.reduce((a, b) => Math.max(a, b), 0));
};
