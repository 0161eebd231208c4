// A table that sorts by every column, filters by text and shows a page at a time, however many rows there are.

const {el, announce, newId} = require('./dom');
const {count, plural} = require('./format');

const ROWS = 20;

/**
 * options: caption, search (label, or none), matches(row, text), columns: [{title, value(row) → number or text,
 * cell(row) → node or text, numeric, help}], sorted: {column, down}, pick(row), picked(row) → whether it is chosen.
 * Rows are numbers 0 … count − 1.
 */
class Table {
  #order = new Int32Array(0);
  #page = 0;
  #text = '';

  constructor(options) {
    this.options = options;
    this.sorted = {...options.sorted};
    this.caption = el('caption', {}, '');
    this.head = el('tr', {}, options.columns.map((column, i) => this.#header(column, i)));
    this.body = el('tbody');
    this.position = el('span', {class: 'position'});
    const step = (text, label, to) => el('button', {type: 'button', class: 'quiet small', 'aria-label': label, onclick: () => this.#turn(to())}, text);
    this.buttons = [step('«', 'First page', () => 0), step('‹', 'Previous page', () => this.#page - 1),
      step('›', 'Next page', () => this.#page + 1), step('»', 'Last page', () => this.#pages() - 1)];
    const id = newId('search');
    const search = options.search && el('span', {class: 'search'}, el('label', {for: id}, options.search),
      el('input', {id, type: 'search', autocomplete: 'off', spellcheck: 'false', oninput: (event) => this.#filter(event.target.value)}));
    this.element = el('div', {class: 'table-block'},
      (search || options.tools) && el('div', {class: 'tools'}, options.tools, search),
      el('div', {class: 'table-scroll', tabindex: '0', role: 'region', 'aria-label': options.label},
        el('table', {}, this.caption, el('thead', {}, this.head), this.body)),
      el('div', {class: 'pager'}, ...this.buttons.slice(0, 2), this.position, ...this.buttons.slice(2)));
    this.pager = this.element.lastElementChild;
  }

  #header(column, i) {
    const button = el('button', {type: 'button', class: 'sort', title: column.help, onclick: () => this.#sortBy(i)}, column.title,
      el('span', {class: 'arrow', 'aria-hidden': 'true'}));
    return el('th', {scope: 'col', class: column.numeric ? 'numeric' : null}, button);
  }

  /** Shows `rows` rows anew; keeps the sorting and the search. */
  show(rows, caption) {
    this.rows = rows;
    this.caption.textContent = caption;
    this.#arrange();
    this.#page = 0;
    this.#render();
  }

  /** Values have changed, rows have not. */
  refresh() {
    this.#arrange();
    this.#render();
  }

  /** Turns to the page of a row. */
  reveal(row) {
    const at = this.#order.indexOf(row);
    if (at >= 0) this.#page = Math.floor(at / ROWS);
    this.#render();
  }

  /** Rows as they stand, all pages. */
  get order() {
    return this.#order;
  }

  #pages() {
    return Math.max(1, Math.ceil(this.#order.length / ROWS));
  }

  #arrange() {
    const column = this.options.columns[this.sorted.column];
    const kept = [];
    for (let row = 0; row < this.rows; ++row) {
      if (this.#text === '' || this.options.matches(row, this.#text)) kept.push(row);
    }
    const keys = new Array(this.rows);
    for (const row of kept) keys[row] = column.value(row);
    const sign = this.sorted.down ? -1 : 1;
    const compare = typeof keys[kept[0]] === 'string' ? (a, b) => keys[a].localeCompare(keys[b], 'en', {numeric: true}) : (a, b) => compareNumbers(keys[a], keys[b]);
    kept.sort((a, b) => sign * compare(a, b) || a - b);
    this.#order = Int32Array.from(kept);
  }

  #sortBy(i) {
    const column = this.options.columns[i];
    this.sorted = {column: i, down: this.sorted.column === i ? !this.sorted.down : Boolean(column.numeric)};
    this.#arrange();
    this.#page = 0;
    this.#render();
    announce(`Sorted by ${column.title}, ${this.sorted.down ? 'largest' : 'smallest'} first`);
  }

  #filter(text) {
    this.#text = text.trim();
    this.#arrange();
    this.#page = 0;
    this.#render();
    announce(`${plural(this.#order.length, 'row')} match`);
  }

  #turn(page) {
    this.#page = Math.min(Math.max(page, 0), this.#pages() - 1);
    this.#render();
    announce(this.position.textContent);
  }

  #render() {
    const {columns, pick, picked} = this.options;
    [...this.head.children].forEach((header, i) => {
      const sorted = i === this.sorted.column ? (this.sorted.down ? 'descending' : 'ascending') : 'none';
      header.setAttribute('aria-sort', sorted);
    });
    const pages = this.#pages();
    this.#page = Math.min(this.#page, pages - 1);
    const rows = [...this.#order.subarray(this.#page * ROWS, (this.#page + 1) * ROWS)];
    this.body.replaceChildren(...rows.map((row) => {
      const chosen = picked?.(row);
      return el('tr', {class: chosen ? 'chosen' : null, 'data-row': row, onclick: pick && (() => pick(row))},
        columns.map((column, i) => {
          const cell = column.cell(row);
          if (i > 0) return el('td', {class: column.numeric ? 'numeric' : null}, cell);
          // The button is what the keyboard reaches; the click on its row picks.
          const content = pick ? el('button', {type: 'button', class: 'pick', 'aria-pressed': String(Boolean(chosen))}, cell) : cell;
          return el('th', {scope: 'row', class: column.numeric ? 'numeric' : null}, content);
        }));
    }));
    if (rows.length === 0) this.body.append(el('tr', {}, el('td', {colspan: columns.length, class: 'empty'}, 'Nothing matches')));
    const first = this.#page * ROWS + 1;
    this.position.textContent = rows.length === 0 ? 'none' : `${count(first)}–${count(first + rows.length - 1)} of ${count(this.#order.length)}`;
    this.pager.hidden = pages === 1;
    const ends = [this.#page === 0, this.#page === 0, this.#page === pages - 1, this.#page === pages - 1];
    this.buttons.forEach((button, i) => {
      button.disabled = ends[i];
    });
  }
}

/** NaN last when ascending. */
function compareNumbers(a, b) {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return a - b;
}

exports.Table = Table;
