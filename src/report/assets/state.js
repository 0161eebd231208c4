// What the reader has chosen, and who wants to know when that changes.

const state = {example: 0, layer: 0, unit: null};
const listeners = [];

exports.get = () => state;

/** Calls listener(state, changed) on every change of one of `keys`. */
exports.on = (keys, listener) => listeners.push({keys, listener});

exports.set = (changes) => {
  const changed = Object.keys(changes).filter((key) => state[key] !== changes[key]);
  if (changed.length === 0) return;
  Object.assign(state, changes);
  for (const {keys, listener} of listeners) {
    if (keys.some((key) => changed.includes(key))) listener(state, changed);
  }
};
