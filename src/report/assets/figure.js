// A Vega chart in a <figure>: drawn as SVG for the width and theme at hand, described in words, saved as PNG or SVG.

const {el, announce} = require('./dom');
const theme = require('./theme');
const {parse} = require('vega-parser');
const {View} = require('vega-view');
const {expressionInterpreter} = require('vega-interpreter');
const {transforms} = require('vega-dataflow');

Object.assign(transforms, require('vega-transforms'), require('vega-view-transforms'), require('vega-encode'));

const FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Noto Sans", sans-serif';

function config(colours) {
  return {
    background: colours.paper,
    axis: {
      labelColor: colours.soft, titleColor: colours.soft, tickColor: colours.line, domainColor: colours.line,
      gridColor: colours.line, labelFont: FONT, titleFont: FONT, labelFontSize: 11, titleFontSize: 11, titleFontWeight: 500,
      titlePadding: 8,
    },
    legend: {labelColor: colours.soft, titleColor: colours.soft, labelFont: FONT, titleFont: FONT, labelFontSize: 11, titleFontSize: 11, titleFontWeight: 500, layout: {margin: 26}},
    title: {color: colours.ink, font: FONT, fontSize: 12, fontWeight: 600},
    text: {fill: colours.ink, font: FONT, fontSize: 11},
  };
}

const figures = [];

/**
 * options: name (of saved files), title, spec(width, colours) → Vega specification or null, describe() → words,
 * pick(datum) where a click on a mark means something.
 */
class Figure {
  #view = null;
  #width = 0;
  #drawing = Promise.resolve();

  constructor(options) {
    this.options = options;
    this.title = el('span', {class: 'figure-title'});
    this.chart = el('div', {class: 'chart'});
    this.words = el('p', {class: 'words'});
    const save = (type) => el('button', {type: 'button', class: 'quiet small', onclick: () => this.save(type), 'data-save': type,
      'aria-label': `Save as ${type.toUpperCase()}: ${options.name}`}, type.toUpperCase());
    this.element = el('figure', {class: 'figure', 'data-figure': options.name},
      el('figcaption', {}, this.title, el('span', {class: 'save'}, el('span', {'aria-hidden': 'true'}, 'Save'), save('png'), save('svg'))),
      this.chart, this.words);
    figures.push(this);
    new ResizeObserver(() => {
      if (Math.abs(this.chart.clientWidth - this.#width) > 4) this.draw();
    }).observe(this.chart);
  }

  /** Draws what spec() now says; calls while drawing are joined. */
  draw() {
    this.wanted = true;
    this.#drawing = this.#drawing.then(() => this.wanted && this.#draw());
    return this.#drawing;
  }

  async #draw() {
    this.wanted = false;
    this.element.hidden = false;  // what is hidden has no width
    this.#width = this.chart.clientWidth;
    if (this.#width === 0) return;
    const colours = theme.palette();
    const spec = this.options.spec(this.#width, colours);
    this.element.hidden = spec === null;
    if (spec === null) return;
    const words = this.options.describe();
    this.title.textContent = this.options.title();
    this.words.textContent = words;
    const runtime = parse({description: words, padding: 4, autosize: {type: 'pad'}, ...spec}, config(colours), {ast: true});
    const view = new View(runtime, {expr: expressionInterpreter, renderer: 'svg', hover: false});
    const holder = el('div');
    view.initialize(holder);
    if (this.options.pick) {
      view.addEventListener('click', (event, item) => item && item.datum && this.options.pick(item.datum));
    }
    await view.runAsync();
    this.chart.replaceChildren(holder);
    if (this.#view) this.#view.finalize();
    this.#view = view;
    this.element.dataset.drawn = String(Number(this.element.dataset.drawn ?? 0) + 1);
  }

  async save(type) {
    if (!this.#view) return;
    const url = await this.#view.toImageURL(type, type === 'png' ? 2 : 1);
    el('a', {href: url, download: `${this.options.name}.${type}`}).click();
    announce(`Saved ${this.options.name}.${type}`);
  }
}

/** Room for labels left of a chart: what the longest needs, a third of the width at most. */
exports.labelWidth = (texts, width) => Math.min(26 + 7.2 * texts.reduce((most, text) => Math.max(most, text.length), 0), width * 0.34, 200);
exports.Figure = Figure;
/** Resolves when every figure shows what was asked for last: tests wait for it. */
exports.settled = () => Promise.all(figures.map((figure) => figure.draw()));
theme.onChange(() => figures.forEach((figure) => figure.draw()));
