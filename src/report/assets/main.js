// Puts the page together: text and tables at once, then one chart after the other, so that the first paint is early.

const {byId} = require('./dom');
const theme = require('./theme');

theme.start();
require('./head').start();
require('./controls').start();

const parts = ['./overview', './neurons', './maps', './sequence', './evaluation', './convergence', './reproduce'].map((name) => require(name).make()).filter(Boolean);
byId('main').append(...parts.map((part) => part.element));

const pause = () => new Promise((resolve) => {
  setTimeout(resolve, 0);
});

(async () => {
  for (const part of parts) {
    await pause();
    await part.draw();
  }
  window.mhoSettled = require('./figure').settled;
  document.documentElement.dataset.ready = 'true';
})();
