(() => {
  "use strict";
  const specifications = JSON.parse(document.getElementById("figures").textContent);
  const root = document.documentElement;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const narrow = window.matchMedia("(max-width: 720px)");

  // Colours are written as var(--name) in the figures; the theme's values are put in here.
  function themed(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return (name && style.getPropertyValue(name[1]).trim()) || value;
    }
    if (Array.isArray(value)) return value.map((one) => themed(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, themed(one, style)]));
    }
    return value;
  }

  function drawOne(place, width) {
    const figure = themed(specifications[place.id], getComputedStyle(root));
    if (width) figure.layout.width = width;
    else figure.layout.autosize = true;
    if (narrow.matches && !width) {
      figure.layout.dragmode = false; // a finger scrolls the page
      figure.layout.font.size = 12;
      for (const trace of figure.data) {
        if (!trace.marker || !trace.marker.colorbar) continue;
        Object.assign(trace.marker.colorbar, { orientation: "h", y: -0.2, yanchor: "top", len: 0.95 });
        trace.marker.colorbar.title.side = "bottom";
        delete figure.layout.yaxis.scaleanchor;
      }
    }
    Plotly.newPlot(place, figure.data, figure.layout, {
      responsive: true, displaylogo: false,
      modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"],
      displayModeBar: narrow.matches ? false : "hover",
    });
  }

  // From the top of the page down, one after the other, so that the page can be read meanwhile. A newer call takes over.
  const places = [...document.querySelectorAll(".plot")].filter((place) => place.id in specifications);
  let newest = 0;
  async function draw() {
    if ("print" in root.dataset) return; // the page's width changes while it is printed
    const mine = ++newest;
    delete root.dataset.drawn;
    for (const place of places) {
      await new Promise((next) => setTimeout(next));
      if (mine !== newest) return;
      drawOne(place);
    }
    root.dataset.drawn = String(mine);
  }

  let closed = [];
  window.addEventListener("beforeprint", () => {
    root.dataset.print = "";
    closed = [...document.querySelectorAll("details.card:not([open])")];
    for (const card of closed) card.open = true;
    newest += 1;
    for (const place of places) drawOne(place, 680); // at once: printing does not wait
  });
  window.addEventListener("afterprint", () => {
    delete root.dataset.print;
    for (const card of closed) card.open = false;
    draw();
  });
  dark.addEventListener("change", () => draw());
  narrow.addEventListener("change", () => draw());
  draw();
})();
