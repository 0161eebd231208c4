// Joins the page's modules: each is a function of (exports, require, module), run once when first required.
'use strict';
const mho = (() => {
  const makers = new Map();
  const made = new Map();
  // Debian's build of vega-functions asks for its neighbour by a wrong name.
  const aliases = new Map([['vega-selections', 'vega-selection']]);

  function require(name) {
    const key = aliases.get(name) ?? name;
    if (!made.has(key)) {
      if (!makers.has(key)) throw new Error(`no module '${key}'`);
      const module = {exports: {}};
      made.set(key, module);
      makers.get(key)(module.exports, require, module);
    }
    return made.get(key).exports;
  }
  return {define: (name, maker) => makers.set(name, maker), start: (name) => require(name)};
})();
