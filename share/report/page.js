// SPDX-License-Identifier: GPL-2.0-only
// Draws the figures whose data stand in the page, again for paper and when the colours change.
(function () {
  "use strict";
  // What a column of A4 paper holds, in pixels
  const PAPER = 660;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const plots = [];

  function colours(forPaper) {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const ink = forPaper ? "#000000" : of("--ink");
    const rule = forPaper ? "#bbbbbb" : of("--rule");
    return {
      "font.color": ink,
      "xaxis.gridcolor": rule, "xaxis.linecolor": rule, "xaxis.zerolinecolor": rule,
      "yaxis.gridcolor": rule, "yaxis.linecolor": rule, "yaxis.zerolinecolor": rule,
      "hoverlabel.font.color": "#ffffff",
    };
  }

  function fit(forPaper) {
    for (const plot of plots) {
      const width = forPaper ? PAPER : plot.clientWidth;
      Plotly.relayout(plot, Object.assign({ width: width }, colours(forPaper)));
    }
  }

  for (const data of document.querySelectorAll("script.figure")) {
    const plot = document.getElementById(data.dataset.plot);
    const figure = JSON.parse(data.textContent);
    const config = {
      displaylogo: false, displayModeBar: false,
    };
    Plotly.newPlot(plot, figure.data, figure.layout, config);
    plots.push(plot);
  }
  fit(false);
  document.documentElement.dataset.drawn = String(plots.length);

  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) {
      width = window.innerWidth;
      fit(false);
    }
  });
  dark.addEventListener("change", () => fit(false));
  let closed = [];
  window.addEventListener("beforeprint", () => {
    closed = Array.from(document.querySelectorAll("details:not([open])"));
    closed.forEach((one) => { one.open = true; });
    fit(true);
  });
  window.addEventListener("afterprint", () => {
    closed.forEach((one) => { one.open = false; });
    fit(false);
  });
})();
