// SPDX-License-Identifier: GPL-2.0-only
// Draws the figures whose data stand in the page, again for paper and when the colours change.
(function () {
  "use strict";
  // What a column of A4 paper holds, in pixels
  const PAPER = 660;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const plots = [];

  // What a plot's layout takes over from the page, by the names of relayout
  function surroundings(plot, forPaper) {
    const style = getComputedStyle(document.documentElement);
    const of = (name) => style.getPropertyValue(name).trim();
    const rule = forPaper ? "#bbbbbb" : of("--rule");
    const taken = {
      "font.color": forPaper ? "#000000" : of("--ink"),
      "hoverlabel.font.color": "#ffffff",
    };
    const width = forPaper ? PAPER : plot.clientWidth;
    // A window may have no size for a moment.
    if (width > 0) {
      taken.width = width;
    }
    for (const axis of ["xaxis", "yaxis"]) {
      for (const line of ["gridcolor", "linecolor", "zerolinecolor"]) {
        taken[axis + "." + line] = rule;
      }
    }
    return taken;
  }

  function put(layout, values) {
    for (const [path, value] of Object.entries(values)) {
      const names = path.split(".");
      const last = names.pop();
      const inner = names.reduce((outer, name) => (outer[name] = outer[name] || {}), layout);
      inner[last] = value;
    }
  }

  function fit(forPaper) {
    for (const plot of plots) {
      Plotly.relayout(plot, surroundings(plot, forPaper));
    }
  }

  for (const data of document.querySelectorAll("script.figure")) {
    const plot = document.getElementById(data.dataset.plot);
    const figure = JSON.parse(data.textContent);
    put(figure.layout, surroundings(plot, false));
    Plotly.newPlot(plot, figure.data, figure.layout, { displaylogo: false, displayModeBar: false });
    plots.push(plot);
  }
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
