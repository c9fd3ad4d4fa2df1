// The controls: buttons, sliders, keys, mouse and theme.

const element = id => document.getElementById(id);

function failed(error) {
  element("fault").hidden = false;
  element("fault").textContent = `This page could not be drawn: ${error}`;
  console.error(error);
}

function setUpLayers() {
  keys.forEach((key, k) => {
    const button = document.createElement("button"), number = document.createElement("kbd");
    button.type = "button";
    button.setAttribute("role", "radio");
    number.textContent = k + 1;
    button.append(number, nameOf(key));
    button.addEventListener("click", () => showLayer(k));
    element("layers").append(button);
  });
  const second = element("second");
  second.add(new Option("nothing", -1));
  keys.forEach((key, k) => second.add(new Option(nameOf(key), k)));
  second.addEventListener("change", () => showSecond(Number(second.value)));
}

function showLayer(k) {
  if (!(k < keys.length)) return;
  state.layer = k;
  [...element("layers").children].forEach((button, m) => {
    button.setAttribute("aria-checked", m === k);
    button.tabIndex = m === k ? 0 : -1;
  });
  document.querySelectorAll("#names .shown").forEach((text, i) => {
    const own = layerOf(results[i], keys[k]) || results[i].layers[0];
    text.textContent = own === "lengths" ? `Window length, ${results[i].layers[0].window}` : `${own.name}, ${own.window}`;
  });
  updateBar();
  redraw();
}

function showSecond(k) {
  state.second = k;
  element("second").value = k;
  element("wipe").disabled = k < 0;
  redraw();
}

function setWipe(share) {
  state.wipe = Math.min(Math.max(share, 0), 1);
  element("wipe").value = Math.round(1000 * state.wipe);
  redraw();
}

function setUpSliders() {
  const [low, high] = [element("low"), element("high")], bottom = Math.min(state.low - 40, -100), top = Math.max(content.levels[1], content.top);
  for (const slider of [low, high]) Object.assign(slider, {min: Math.floor(bottom), max: Math.ceil(top), step: 1});
  low.addEventListener("input", () => setColours(Number(low.value), state.high));
  high.addEventListener("input", () => setColours(state.low, Number(high.value)));
  element("wipe").addEventListener("input", event => setWipe(event.target.value / 1000));
  setColours(state.low, state.high);
}

function setColours(low, high) {
  const {min, max} = element("low");
  state.low = Math.min(Math.max(low, Number(min)), Number(max) - 1);
  state.high = Math.max(Math.min(high, Number(max)), state.low + 1);
  element("low").value = state.low;
  element("high").value = state.high;
  element("range").textContent = `${Math.round(state.low)} to ${Math.round(state.high)} dB`.replaceAll("-", "−");
  const margin = 0.05 * (state.high - state.low);
  model("levels").setv({start: state.low - 3 * margin, end: state.high + margin});
  updateBar();
  redraw();
}

function setPalette(k) {
  const names = Object.keys(content.palettes);
  state.palette = (k + names.length) % names.length;
  element("palette").value = state.palette;
  colours = content.palettes[names[state.palette]].map(pixelOf);
  updateBar();
  redraw();
}

// The colour bar of the layer shown.
function updateBar() {
  const lengths = keys[state.layer] === "lengths";
  model("levels-bar-colours").setv({palette: Object.values(content.palettes)[state.palette], low: state.low, high: state.high});
  model("levels-bar").visible = !lengths;
  if (content.lengths) model("lengths-bar").visible = lengths;
  results.forEach((_, i) => {
    for (const mark of ["cursor", "row"]) model(`picture${i}-${mark}`).line_color = lengths ? "#1c2630" : "#ffffff";
    model(`picture${i}-box`).line_color = lengths ? "#1c2630" : "#ffffff";
  });
}

// Time and frequency axis.

function zoom(range, centre, factor, log = false) {
  const to = log ? Math.log : value => value, from = log ? Math.exp : value => value;
  const [a, b, low, high, c] = [range.start, range.end, ...range.bounds, centre].map(to);
  const middle = Math.min(Math.max(c, a), b), start = Math.max(low, middle + (a - middle) * factor), end = Math.min(high, middle + (b - middle) * factor);
  if (end - start > 1e-6 * (high - low)) range.setv({start: from(start), end: from(end)});
}

function pan(range, share) {
  const span = range.end - range.start, move = Math.min(Math.max(share * span, range.bounds[0] - range.start), range.bounds[1] - range.end);
  range.setv({start: range.start + move, end: range.end + move});
}

function showWhole() {
  model("time").setv({start: model("time").bounds[0], end: model("time").bounds[1]});
  model("frequency").setv({start: content.band[0], end: content.band[1]});
}

function toggleBand() {
  const range = model("frequency"), [low, high] = range.bounds, whole = range.start === low && range.end === high;
  const [start, end] = whole ? content.band : range.bounds;
  range.setv({start, end});
}

function nameBand() {
  const range = model("frequency"), [low, high] = range.bounds, [a, b] = content.band;
  const whole = range.start === low && range.end === high;
  element("full").textContent = whole ? "Signal band" : "Full band";
  element("full").hidden = a === low && b === high;
}

// The cursor.

function setCursor(i, x, y) {
  state.on = i;
  state.at = {x, y};
  drawSoon();
}

let drawing = false;
function drawSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; drawCursor(); });
}

function moveCursor(right, up) {
  const x = model("time"), y = model("frequency"), log = frequency.log;
  const at = state.at || {x: (x.start + x.end) / 2, y: log ? Math.sqrt(y.start * y.end) : (y.start + y.end) / 2};
  const clamp = (value, range) => Math.min(Math.max(value, range.start), range.end);
  const higher = log ? at.y * (y.end / y.start) ** (up / 200) : at.y + up * (y.end - y.start) / 200;
  setCursor(state.on, clamp(at.x + right * (x.end - x.start) / 200, x), clamp(higher, y));
}

// The box.

let corner = null;
function boxKey() {
  if (!state.at) moveCursor(0, 0);
  if (corner) showBox(corner.x, state.at.x, corner.y, state.at.y);
  else element("box-hint").textContent = "The first corner is set; move the cursor and press b again.";
  corner = corner ? null : {...state.at};
}

function showBox(x0, x1, y0, y1) {
  const x = model("time"), y = model("frequency"), within = (a, b, range) => [Math.max(Math.min(a, b), range.start), Math.min(Math.max(a, b), range.end)];
  const [left, right] = within(x0, x1, x), [bottom, top] = within(y0, y1, y);
  if (!(right > left && top > bottom)) return;
  state.box = {left, right, bottom, top};
  results.forEach((_, i) => model(`picture${i}-box`).setv({left, right, bottom, top, visible: true}));
  describeBox();
}

function clearBox() {
  state.box = corner = null;
  results.forEach((_, i) => { model(`picture${i}-box`).visible = false; });
  element("box-facts").hidden = true;
  element("box-hint").hidden = false;
  element("box-hint").textContent = "Draw a box with the mouse, or press b at two corners, to measure it.";
}

// The loudest point of a box. Returns {level, time, frequency}.
function peakOf(i, {left, right, bottom, top}) {
  const inSight = inView(left, bottom) && inView(right, top);
  const plane = shownPlane(i, levelKey(keys[state.layer]), inSight), count = plane.frequencies.length;
  let best = -1, where = [nearest(plane.times, left), nearest(plane.frequencies, bottom)];
  for (let t = lowerBound(plane.times, left); t < plane.times.length && plane.times[t] <= right; t++) {
    for (let m = lowerBound(plane.frequencies, bottom); m < count && plane.frequencies[m] <= top; m++) {
      if (plane.levels[t * count + m] > best) {
        best = plane.levels[t * count + m];
        where = [t, m];
      }
    }
  }
  const [t, m] = where, layer = layerOf(results[i], plane.key);
  return {level: decibels(layer, plane.levels[t * count + m]), time: plane.times[t], frequency: plane.frequencies[m], layer};
}

function describeBox() {
  const {left, right, bottom, top} = state.box, peak = peakOf(state.on, state.box), one = results[state.on];
  element("box-hint").hidden = true;
  element("box-facts").hidden = false;
  element("box-span").textContent = `${timeText(left)} to ${timeText(right)}: ${timeText(right - left)}`;
  element("box-band").textContent = `${frequencyText(bottom)} to ${frequencyText(top)}: ${frequencyText(top - bottom)}`;
  const length = lengthAt(state.on, peak.layer, {x: peak.time, y: peak.frequency});
  element("box-peak").textContent = `${levelText(peak.level)} at ${timeText(peak.time)}, ${frequencyText(peak.frequency)}, window ${lengthText(length)}`;
  const short = value => String(Number(value.toPrecision(7)));
  const [t0, t1, f0, f1] = [left / time.factor, right / time.factor, bottom / frequency.factor, top / frequency.factor].map(short);
  element("box-command").value = `dstft plot ${one.path} --figure spectrogram --tmin ${t0} --tmax ${t1} --fmin ${f0} --fmax ${f1}`;
  const heads = ["Selection", "View", "Channel", "Begin Time (s)", "End Time (s)", "Low Freq (Hz)", "High Freq (Hz)"];
  element("box-raven").value = `${heads.join("\t")}\n${["1", "Spectrogram 1", one.channel, t0, t1, f0, f1].join("\t")}`;
}

function zoomToBox() {
  if (!state.box) return;
  const {left, right, bottom, top} = state.box;
  model("time").setv({start: left, end: right});
  model("frequency").setv({start: bottom, end: top});
}

async function copy(id) {
  element(id).select();
  try {
    await navigator.clipboard.writeText(element(id).value);
  } catch {
    document.execCommand("copy"); // where pages from files may not use the clipboard
  }
}
