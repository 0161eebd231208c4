// Makes elements. Texts become text nodes only: names in a result are never read as markup.

/** el('button', {class: 'quiet', onclick: f}, 'text', child…); false, null and undefined are left out. */
exports.el = function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else if (name === 'style') Object.assign(element.style, value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
};

exports.byId = (id) => document.getElementById(id);

/** Tells screen readers what changed. */
exports.announce = (text) => {
  exports.byId('status').textContent = text;
};

let nextId = 0;
exports.newId = (prefix) => `${prefix}-${nextId++}`;
