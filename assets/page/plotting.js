// Plotly draws the figures. To read its script takes the browser a quarter of a second, so it is
// fetched when the first figure is to be drawn, or before that once the page has been at rest.

const Plotting = (() => {
  const REST_MS = 5000;
  const AGAIN_MS = 2000; // after it could not be fetched
  const waiting = new Map(); // figure → how to draw it once Plotly is there
  let asked = false;

  function load() {
    if (asked) return;
    asked = true;
    document.head.append(make("script", { src: props.plotly, onload: drawAll, onerror: askAgain }));
  }

  function drawAll() {
    const all = [...waiting.values()];
    waiting.clear();
    all.forEach((act) => act());
  }

  function askAgain() {
    asked = false;
    if (waiting.size) setTimeout(load, AGAIN_MS);
  }

  // Draws a figure now, or once Plotly is there; then only as it was asked for last.
  function draw(plot, act) {
    if (window.Plotly) return act();
    waiting.set(plot, act);
    load();
  }

  // Draws only the shapes of a figure again; one that is not drawn yet has none.
  function drawShapes(plot, shapes) {
    if (plot.data) window.Plotly.relayout(plot, { shapes });
  }

  function forget(plot) {
    waiting.delete(plot);
    window.Plotly?.purge(plot);
  }

  setTimeout(() => (window.requestIdleCallback ?? setTimeout)(load), REST_MS);

  return { load, draw, drawShapes, forget };
})();
