// The page's data: the JSON document, and the numbers of layers, decoded when first asked for.

const document_ = JSON.parse(document.getElementById('data').textContent);

function bytesOf(id) {
  const text = atob(document.getElementById(id).textContent);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; ++i) bytes[i] = text.charCodeAt(i);
  return bytes;
}

function cached(make) {
  let value;
  return () => (value ??= make());
}

/** Values of "units" (neurons, or channels): count, at(example, unit), and over all examples mean and magnitude. */
class Units {
  constructor(values, examples, kinds) {
    this.values = values;
    this.count = examples === 0 ? 0 : values.length / examples;
    this.examples = examples;
    Object.assign(this, kinds);
    this.statistics = cached(() => this.#statistics());
  }

  at(example, unit) {
    return example < 0 ? this.statistics().mean[unit] : this.values[example * this.count + unit];
  }

  #statistics() {
    const mean = new Float64Array(this.count);
    const magnitude = new Float64Array(this.count);
    for (let example = 0, i = 0; example < this.examples; ++example) {
      for (let unit = 0; unit < this.count; ++unit, ++i) {
        mean[unit] += this.values[i] / this.examples;
        magnitude[unit] += Math.abs(this.values[i]) / this.examples;
      }
    }
    return {mean, magnitude};
  }
}

class Layer {
  constructor(row, number, examples) {
    Object.assign(this, row);
    this.number = number;
    this.examples = examples;
    this.raw = cached(() => new Float32Array(bytesOf(row.values).buffer));
    this.neurons = cached(() => this.#neurons());
    this.byChannel = cached(() => this.#channels());
    this.byPosition = cached(() => this.#positions());
  }

  get hasPositions() {
    return this.positions > 1;
  }

  #neurons() {
    if (this.detail === 'neurons') {
      return new Units(this.raw(), this.examples, {noun: 'neuron', shape: this.shape, total: this.hasPositions ? null : this.magnitude});
    }
    return this.detail === 'top' && !this.hasPositions ? this.#largest('neuron') : null;
  }

  #channels() {
    if (!this.hasPositions) return null;
    if (this.detail === 'top') return this.#largest('channel');
    const kinds = {noun: 'channel', shape: [this.channels], total: null};
    if (this.detail === 'channels') return new Units(this.raw(), this.examples, kinds);
    const sums = new Float64Array(this.examples * this.channels);
    const raw = this.raw();
    for (let i = 0, from = 0; i < sums.length; ++i) {
      for (let k = 0; k < this.positions; ++k) sums[i] += raw[from++];
    }
    return new Units(sums, this.examples, kinds);
  }

  #largest(noun) {
    return new Units(this.raw(), this.examples, {noun, shape: [this.channels], index: this.index, total: this.magnitude});
  }

  /** Sums over channels: examples × positions; null where they were left out. */
  #positions() {
    if (!this.hasPositions || this.detail === 'top') return null;
    if (this.positionSums) return new Float32Array(bytesOf(this.positionSums).buffer);
    const sums = new Float64Array(this.examples * this.positions);
    const raw = this.raw();
    for (let i = 0; i < raw.length; ++i) {
      const example = Math.floor(i / (this.channels * this.positions));
      sums[example * this.positions + (i % this.positions)] += raw[i];
    }
    return sums;
  }

  /** Sums over channels at every position, of an example or (-1) the mean of all. */
  positionsOf(example) {
    const all = this.byPosition();
    return all && sliceOrMean(all, this.examples, example, this.positions, 0, this.positions);
  }

  /** One channel at every position; null where single neurons were left out. */
  channelOf(example, channel) {
    if (!this.hasPositions || this.detail !== 'neurons') return null;
    return sliceOrMean(this.raw(), this.examples, example, this.channels * this.positions, channel * this.positions, this.positions);
  }

  /** [positive, negative] sums of an example, or their means over all. */
  sums(example) {
    const of = (list) => (example < 0 ? list.reduce((a, b) => a + b, 0) / list.length : list[example]);
    return [of(this.positive), of(this.negative)];
  }
}

function sliceOrMean(all, examples, example, stride, offset, length) {
  if (example >= 0) return all.slice(example * stride + offset, example * stride + offset + length);
  const mean = new Float64Array(length);
  for (let i = 0; i < examples; ++i) {
    for (let k = 0; k < length; ++k) mean[k] += all[i * stride + offset + k] / examples;
  }
  return mean;
}

module.exports = {
  ...document_,
  layers: document_.layers.map((row, number) => new Layer(row, number, document_.count)),
  inputs: document_.inputs.map((row) => ({...row, bytes: cached(() => bytesOf(row.data))})),
};

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/** F(x) and F(x') of an example, or their means. */
module.exports.target_values = (example) => {
  const {f_input: at, f_baseline: from} = module.exports;
  return example < 0 ? [mean(at), mean(from)] : [at[example], from[example]];
};

/** "6", or "6 (six)" with labels. */
module.exports.targetName = (example) => {
  const index = module.exports.target[example];
  const label = module.exports.labels[index];
  return label === undefined ? String(index) : `${label} (${index})`;
};

/** What an example is called: its number in the file that was attributed. */
module.exports.exampleName = (example) => (example < 0 ? 'mean of all examples' : `example ${module.exports.first + example}`);

/** The largest magnitude of a per-example list over all layers, or null. */
module.exports.worst = (field, example) => {
  const numbers = module.exports.layers.flatMap((layer) => (example < 0 ? layer[field] : [layer[field][example]]))
    .filter((value) => typeof value === 'number').map(Math.abs);
  return numbers.length === 0 ? null : numbers.reduce((a, b) => Math.max(a, b));
};
