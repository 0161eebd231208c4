// Maps as pictures: attributions in diverging colours, symmetric around 0, over the input's grey where there is one.

/** "#a3161f" as [163, 22, 31]. */
const rgb = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));

function paint(width, height, pixel) {
  const canvas = document.createElement('canvas');
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext('2d');
  const image = context.createImageData(width, height);
  for (let y = 0, i = 0; y < height; ++y) {
    for (let x = 0; x < width; ++x, i += 4) {
      const [red, green, blue] = pixel(x, y);
      image.data[i] = red;
      image.data[i + 1] = green;
      image.data[i + 2] = blue;
      image.data[i + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas.toDataURL('image/png');
}

/** A cell for every pixel: columns[x], rows[y]. */
function nearest(size, cells) {
  return Int32Array.from({length: size}, (_, i) => Math.min(cells - 1, Math.floor(((i + 0.5) * cells) / size)));
}

/** The input of one example, or null where the page has none: {height, width, channels, bytes}. */
exports.inputOf = (input, example) => {
  if (!input || example < 0 || example >= input.examples) return null;
  const size = input.height * input.width * input.channels;
  return {...input, bytes: input.bytes().subarray(example * size, (example + 1) * size)};
};

/** The input as it is. */
exports.inputImage = (input, width, height) => {
  const rows = nearest(height, input.height);
  const columns = nearest(width, input.width);
  return paint(width, height, (x, y) => {
    const at = (rows[y] * input.width + columns[x]) * input.channels;
    return input.channels === 3 ? input.bytes.subarray(at, at + 3) : [input.bytes[at], input.bytes[at], input.bytes[at]];
  });
};

/** values: height × width cells, drawn as `size` pixels; ±limit is full colour; `under` is the input or null. */
exports.mapImage = (values, cells, size, limit, colours, under) => {
  const rows = nearest(size.height, cells.height);
  const columns = nearest(size.width, cells.width);
  const underRows = under && nearest(size.height, under.height);
  const underColumns = under && nearest(size.width, under.width);
  const ends = {positive: rgb(colours.mapPositive), negative: rgb(colours.mapNegative), zero: rgb(colours.mapZero), ink: rgb(colours.ink)};
  const mixed = [0, 0, 0];
  return paint(size.width, size.height, (x, y) => {
    const value = values[rows[y] * cells.width + columns[x]];
    const part = Math.min(1, Math.abs(value) / limit || 0);
    const end = value < 0 ? ends.negative : ends.positive;
    let grey = 0;
    if (under) {
      const at = (underRows[y] * under.width + underColumns[x]) * under.channels;
      for (let k = 0; k < under.channels; ++k) grey += under.bytes[at + k] / (255 * under.channels);
    }
    for (let k = 0; k < 3; ++k) {
      // The input is drawn faintly, bright where it is large: it must not be read as attribution.
      const base = ends.zero[k] + 0.26 * grey * (ends.ink[k] - ends.zero[k]);
      mixed[k] = base + part * (end[k] - base);
    }
    return mixed;
  });
};
