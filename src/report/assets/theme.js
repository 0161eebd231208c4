// Light or dark: the system's choice until the reader makes one; and the colours that charts take from the style sheet.

const {byId} = require('./dom');

const dark = matchMedia('(prefers-color-scheme: dark)');
const root = document.documentElement;
const listeners = [];

const isDark = () => (root.dataset.theme ? root.dataset.theme === 'dark' : dark.matches);

function changed() {
  byId('theme').textContent = isDark() ? 'Light theme' : 'Dark theme';
  for (const listener of listeners) listener();
}

/** Colours now in force, by the names of the style sheet's variables. */
exports.palette = () => {
  const style = getComputedStyle(root);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    ink: colour('ink'), soft: colour('soft'), line: colour('line'), paper: colour('card'), accent: colour('accent'),
    positive: colour('positive'), negative: colour('negative'), mapPositive: colour('map-positive'),
    mapNegative: colour('map-negative'), mapZero: colour('map-zero'), series: [1, 2, 3, 4, 5, 6, 7, 8].map((i) => colour(`series-${i}`)),
    letters: ['a', 'c', 'g', 't'].map((letter) => colour(`letter-${letter}`)),
  };
};

exports.onChange = (listener) => listeners.push(listener);

exports.start = () => {
  byId('theme').addEventListener('click', () => {
    root.dataset.theme = isDark() ? 'light' : 'dark';
    changed();
  });
  dark.addEventListener('change', changed);
  changed();
};
