// Keys, theme, and the start of the page.

const ARROWS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1]};
const KEYS = {
  "c": () => showSecond(state.second + 1 < keys.length ? state.second + 1 : -1),
  "[": () => setWipe(state.wipe - 0.02),
  "]": () => setWipe(state.wipe + 0.02),
  "+": () => zoom(model("time"), middleOf("x"), 0.8),
  "=": () => zoom(model("time"), middleOf("x"), 0.8),
  "-": () => zoom(model("time"), middleOf("x"), 1.25),
  "*": () => zoom(model("frequency"), middleOf("y"), 0.8, frequency.log),
  "/": () => zoom(model("frequency"), middleOf("y"), 1.25, frequency.log),
  "0": showWhole,
  "f": toggleBand,
  ",": () => setColours(state.low - 2, state.high),
  ".": () => setColours(state.low + 2, state.high),
  "<": () => setColours(state.low, state.high - 2),
  ">": () => setColours(state.low, state.high + 2),
  "p": () => setPalette(state.palette + 1),
  " ": togglePlay,
  "Enter": () => { if (state.at) playFrom(state.at.x); },
  "b": boxKey,
  "z": zoomToBox,
  "Escape": clearBox,
  "n": () => { state.on = (state.on + 1) % results.length; moveCursor(0, 0); },
  "l": toggleTracks,
  "t": () => setTheme(!document.documentElement.classList.contains("dark")),
  "?": () => element("keys").showModal(),
};

function middleOf(axis) {
  const range = model(axis === "x" ? "time" : "frequency");
  return state.at ? state.at[axis] : (range.start + range.end) / 2;
}

function onKey(event) {
  const target = event.target, kind = target.tagName;
  if (element("keys").open || event.altKey || event.metaKey || kind === "TEXTAREA" || kind === "SELECT" || kind === "AUDIO") return;
  if (kind === "INPUT" && (target.type !== "range" || event.key in ARROWS)) return;
  if (kind === "BUTTON" && (event.key === " " || event.key === "Enter")) return;
  const arrow = ARROWS[event.key], digit = /^Digit([1-9])$/.exec(event.code);
  if (target.parentElement === element("layers") && arrow) {
    showLayer((state.layer + (arrow[0] || -arrow[1]) + keys.length) % keys.length);
    element("layers").children[state.layer].focus();
  } else if (arrow && event.ctrlKey) {
    pan(model(arrow[0] ? "time" : "frequency"), 0.1 * (arrow[0] || arrow[1]));
  } else if (arrow) {
    const far = event.shiftKey ? 10 : 1;
    moveCursor(far * arrow[0], far * arrow[1]);
  } else if (event.ctrlKey) {
    return;
  } else if (event.key in KEYS) {
    KEYS[event.key]();
  } else if (digit) {
    showLayer(digit[1] - 1);
  } else {
    return;
  }
  event.preventDefault();
}

// Colours of the results' lines on light and on dark ground, distinct for the colour-blind (Okabe and Ito).
const LINES = [["#0072B2", "#D55E00", "#009E73", "#AA3377"], ["#56B4E9", "#E69F00", "#2FBF94", "#E58BC0"]];

// Colours of the page and of all plots.
function setTheme(dark) {
  document.documentElement.classList.toggle("dark", dark);
  element("theme").textContent = dark ? "Light" : "Dark";
  const style = getComputedStyle(document.documentElement), [page, ink, soft, line] = ["--page", "--ink", "--soft", "--line"].map(name => style.getPropertyValue(name).trim());
  pale = pixelOf(dark ? "#3c4046" : "#e4e4e4");
  for (const plot of [model("spectra"), ...results.flatMap((_, i) => [model("wave" + i), model("picture" + i), model("curve" + i)])]) {
    plot.styles = {background: page};
    plot.outline_line_color = line;
    for (const part of [...plot.left, ...plot.below, ...plot.center]) paintPart(part, {ink, soft, line});
  }
  results.forEach((_, i) => {
    model(`wave${i}-glyph`).glyph.line_color = dark ? "#8fc0ee" : "#1f4e79";
    const colour = LINES[dark ? 1 : 0][i];
    for (const which of ["first", "second"]) {
      for (const name of [`curve${i}-${which}-glyph`, `spectra-${which}${i}-glyph`]) model(name).glyph.line_color = colour;
    }
  });
  redraw();
}

function paintPart(part, {ink, soft, line}) {
  if (part.type.endsWith("Axis")) {
    part.setv({axis_line_color: soft, major_tick_line_color: soft, minor_tick_line_color: null, major_label_text_color: ink, axis_label_text_color: ink});
  } else if (part.type === "Grid") {
    part.grid_line_color = line;
  } else if (part.type === "ColorBar") {
    part.setv({major_label_text_color: ink, major_tick_line_color: soft, bar_line_color: soft, title_text_color: ink});
  } else if (part.type === "Span") {
    if (part.name.endsWith("-head")) part.line_color = "#D55E00";
    else if (!part.name.startsWith("picture")) part.line_color = soft;
  }
}

function watchPlots() {
  for (const range of [model("time"), model("frequency")]) range.change.connect(() => { nameBand(); redraw(); });
  results.forEach((_, i) => {
    for (const name of ["wave", "picture", "curve"]) {
      const plot = model(name + i), flat = name !== "picture";
      const point = event => [i, event.x, flat ? (state.at || {y: content.band[1] / 2}).y : event.y];
      plot.js_event_callbacks = {
        mousemove: [event => setCursor(...point(event))],
        tap: [event => { setCursor(...point(event)); playFrom(event.x); }],
        reset: [showWhole],
        ...(flat ? {} : {selectiongeometry: [event => onBox(i, event)]}),
      };
    }
    const picture = model("picture" + i);
    for (const size of ["inner_width", "inner_height"]) picture.properties[size].change.connect(redraw);
  });
}

function onBox(i, {geometry, final}) {
  if (geometry.type !== "rect" || !final) return;
  state.on = i;
  showBox(geometry.x0, geometry.x1, geometry.y0, geometry.y1);
}

function fitHeight() {
  const rest = document.body.scrollHeight - model("picture0").height;
  const height = Math.min(Math.max(window.innerHeight - Math.min(rest, 480), 280), 760);
  for (const name of ["spectra", ...results.map((_, i) => "picture" + i)]) model(name).height = height;
}

// The cursor stands at the loudest point at first.
async function showPeak() {
  await planeOf(0, keys[0]).then(plane => { ready["0" + keys[0]] = plane; });
  const x = model("time"), y = model("frequency");
  const peak = peakOf(0, {left: x.start, right: x.end, bottom: y.start, top: y.end});
  setCursor(0, peak.time, peak.frequency);
}

async function start() {
  const item = JSON.parse(element("plots-content").textContent);
  await Bokeh.embed.embed_item(item, "plots");
  plots = Bokeh.documents[Bokeh.documents.length - 1];
  setUpLayers();
  Object.keys(content.palettes).forEach((name, k) => element("palette").add(new Option(name, k)));
  setUpSliders();
  setPalette(0);
  setUpSound();
  watchPlots();
  setTheme(window.matchMedia("(prefers-color-scheme: dark)").matches);
  showLayer(0);
  showSecond(-1);
  drawTracks();
  nameBand();
  element("palette").addEventListener("change", event => setPalette(Number(event.target.value)));
  element("full").addEventListener("click", toggleBand);
  element("theme").addEventListener("click", KEYS.t);
  element("help").addEventListener("click", KEYS["?"]);
  element("zoom").addEventListener("click", zoomToBox);
  element("clear").addEventListener("click", clearBox);
  document.querySelectorAll("[data-copies]").forEach(button => button.addEventListener("click", () => copy(button.dataset.copies)));
  document.addEventListener("keydown", onKey);
  window.addEventListener("resize", fitHeight);
  fitHeight();
  await loadWaves();
  await showPeak();
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  document.documentElement.dataset.ready = Math.round(performance.now()); // ms, for who waits
}

start().catch(failed);
