// The plots: Bokeh draws axes, tools and lines; here the pixels of its pictures and the points of its lines are computed.

const content = JSON.parse(document.getElementById("content").textContent);
const results = content.results, time = content.time, frequency = content.frequency;
const state = {layer: 0, second: -1, wipe: 0.5, low: content.levels[0], high: content.top, palette: 0, at: null, box: null, on: 0};
const planes = new Map(); // by result and layer, as promises
let plots, colours, pale;

// The buttons: layers of all results in one order, the window lengths last.
const order = ["optimum", "constant", "short", "long", "reassigned"];
const rank = key => order.includes(key) ? order.indexOf(key) : order.length;
const keys = [...new Set(results.flatMap(one => one.layers.map(layer => layer.key)))].sort((a, b) => rank(a) - rank(b));
if (content.lengths) keys.push("lengths");

function layerOf(one, key) {
  return key === "lengths" ? one.lengths && "lengths" : one.layers.find(layer => layer.key === key);
}

const model = name => plots.get_model_by_name(name);

// A layer's plane, unpacked once. Returns {levels, drawn, times, frequencies}, or for window lengths {values, found, ...}.
function planeOf(i, key) {
  const id = i + key;
  if (!planes.has(id)) planes.set(id, unpackedLayer(results[i], key));
  return planes.get(id);
}

async function unpackedLayer(one, key) {
  const layer = key === "lengths" ? one.lengths : one.layers.find(layer => layer.key === key);
  const plane = {times: centresOf(layer.times, time.factor), frequencies: centresOf(layer.frequencies, frequency.factor)};
  const rows = plane.frequencies.length;
  if (key === "lengths") {
    plane.values = await unpackedPlane(layer.values, rows);
    plane.found = await unpackedPlane(layer.found, rows);
    return plane;
  }
  return Object.assign(plane, await unpackedLevels(layer.levels, layer.drawn, rows));
}

// The levels of a plane, and those drawn, which are stored as differences to them unless they are the same.
async function unpackedLevels(id, drawnId, rows) {
  const levels = await unpackedPlane(id, rows);
  if (!drawnId) return {levels, drawn: levels};
  const drawn = await unpackedPlane(drawnId, rows);
  for (let k = 0; k < drawn.length; k++) drawn[k] = (drawn[k] + levels[k]) & 255;
  return {levels, drawn};
}

const ready = {}; // planes that are unpacked, by result and layer

// The plane of a key in a result, null until it is unpacked; the optimum where the result has no such layer.
// finer: whether it may be one that holds the view alone.
function shownPlane(i, key, finer = true) {
  const own = layerOf(results[i], key) ? key : results[i].layers[0].key;
  if (!ready[i + own]) planeOf(i, own).then(plane => { ready[i + own] = plane; redraw(); }, failed);
  if (!ready[i + own]) return null;
  return {key: own, ...(finer && finerPlane(i, own, ready[i + own]) || ready[i + own])};
}

const decibels = (layer, level) => layer.top + (level - 255) * content.step;

// The colour of each level, in quarters.
function levelColours(layer) {
  const palette = colours, table = new Uint32Array(1024);
  for (let k = 0; k < 1024; k++) {
    const share = (decibels(layer, k / 4) - state.low) / (state.high - state.low);
    table[k] = palette[Math.round(255 * Math.min(Math.max(share, 0), 1))];
  }
  return table;
}

function lengthColours(one) {
  const {low, high, palette} = content.lengths, table = new Uint32Array(256), pixels = palette.map(pixelOf);
  for (let k = 0; k < 256; k++) {
    const length = one.lengths.low * (one.lengths.high / one.lengths.low) ** (k / 255);
    const share = Math.log(length / low) / Math.log(high / low);
    table[k] = pixels[Math.round(255 * Math.min(Math.max(share, 0), 1))];
  }
  return table;
}

function drawPicture(i) {
  const plot = model("picture" + i), x = plot.x_range, y = plot.y_range;
  const scale = Math.min(window.devicePixelRatio || 1, 2);
  const width = Math.round(plot.inner_width * scale), height = Math.round(plot.inner_height * scale);
  if (!(width > 0 && height > 0)) return;
  const out = new Uint32Array(width * height);
  const middle = state.second < 0 ? width : Math.round(width * state.wipe);
  paint(out, width, 0, middle, i, keys[state.layer], x, y, height);
  if (state.second >= 0) paint(out, width, middle, width, i, keys[state.second], x, y, height);
  const image = Bokeh.require("core/util/ndarray").ndarray(out.buffer, {dtype: "uint32", shape: [height, width]});
  model(`picture${i}-image`).data = {image: [image], x: [x.start], y: [y.start], dw: [x.end - x.start], dh: [y.end - y.start]};
  const line = model(`picture${i}-wipe`);
  line.location = x.start + (x.end - x.start) * state.wipe;
  line.visible = state.second >= 0;
}

function paint(out, width, a, b, i, key, x, y, height) {
  const plane = shownPlane(i, key);
  if (!plane) return;
  const lengths = plane.key === "lengths";
  const columns = pixelCells(plane.times, x.start, x.end, width, false, !lengths);
  const rows = pixelCells(plane.frequencies, y.start, y.end, height, frequency.log, !lengths);
  if (lengths) return paintLengths(out, width, a, b, plane, columns, rows, lengthColours(results[i]), pale);
  paintLevels(out, width, a, b, plane, plane.drawn, columns, rows, levelColours(layerOf(results[i], plane.key)));
}

function drawWave(i) {
  const wave = results[i].wave, plot = model("wave" + i);
  if (!wave.values) return;
  const x = plot.x_range, per = wave.pairs ? 2 : 1;
  const start = time.factor * wave.first, step = time.factor * wave.step / per;
  const count = wave.values.length;
  const first = Math.max(0, Math.floor((x.start - start) / step)), last = Math.min(count, Math.ceil((x.end - start) / step) + 1);
  const block = Math.max(1, Math.ceil((last - first) / (2 * Math.max(plot.inner_width, 100))));
  const xs = [], ys = [];
  for (let k = first; k < last; k += block) {
    let least = Infinity, most = -Infinity;
    for (let m = k; m < Math.min(k + block, last); m++) {
      least = Math.min(least, wave.values[m]);
      most = Math.max(most, wave.values[m]);
    }
    xs.push(start + k * step);
    ys.push(least * wave.unit);
    if (block > 1) {
      xs.push(start + k * step);
      ys.push(most * wave.unit);
    }
  }
  model(`wave${i}-line`).data = {x: xs, y: ys};
}

async function loadWaves() {
  for (let i = 0; i < results.length; i++) {
    results[i].wave.values = new Int16Array(await unpacked(results[i].wave.data));
    model(`wave${i}-frames`).data = {x: results[i].frames.map(at => at * time.factor)};
    drawWave(i);
  }
}

// Colours of tracks, distinct on dark planes.
const TRACKS = ["#2ec4b6", "#ff9f1c", "#9bf6ff", "#ffadad", "#caffbf", "#bdb2ff", "#fdffb6", "#ffc6ff"];

// Lines of the tracks over each picture; they break where a component is not there.
function drawTracks() {
  const xs = content.tracks.map(track => centresOf(track.times, time.factor));
  const ys = content.tracks.map(track => Float64Array.from(track.frequency, value => value === null ? NaN : value * frequency.factor));
  const colour = xs.map((_, k) => TRACKS[k % TRACKS.length]);
  results.forEach((_, i) => { model(`picture${i}-tracks`).data = {xs, ys, colour}; });
}

function toggleTracks() {
  results.forEach((_, i) => {
    for (const part of ["edge", "line"]) {
      const line = model(`picture${i}-tracks-${part}`);
      line.visible = !line.visible;
    }
  });
}

let waiting = false;
function redraw() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    for (let i = 0; i < results.length; i++) {
      drawPicture(i);
      drawWave(i);
    }
    drawCursor();
  });
}

// The layer whose levels are read where the window lengths are shown: the optimum.
const levelKey = key => key === "lengths" ? "optimum" : key;

// What is at a point: {time, frequency, level, dB; length: ms}, null until the plane is unpacked.
function reading(i, key, at) {
  const plane = shownPlane(i, levelKey(key), inView(at.x, at.y));
  if (!plane) return null;
  const layer = layerOf(results[i], plane.key);
  const column = nearest(plane.times, at.x), row = nearest(plane.frequencies, at.y);
  const level = decibels(layer, plane.levels[column * plane.frequencies.length + row]);
  return {plane, layer, column, row, time: plane.times[column], frequency: plane.frequencies[row], level, length: lengthAt(i, layer, at)};
}

function lengthAt(i, layer, at) {
  if (layer.length !== null) return layer.length;
  const map = shownPlane(i, "lengths");
  if (!map || map.key !== "lengths") return null;
  const k = nearest(map.times, at.x) * map.frequencies.length + nearest(map.frequencies, at.y), {low, high} = results[i].lengths;
  return low * (high / low) ** (map.values[k] / 255);
}

const digits = span => Math.min(Math.max(0, Math.ceil(-Math.log10(span / 2000))), 6);
const timeText = value => value.toFixed(digits(model("time").end - model("time").start)) + " " + time.unit;
const frequencyText = value => value.toFixed(digits(model("frequency").end - model("frequency").start)) + " " + frequency.unit;
const levelText = value => value.toFixed(1).replace("-", "−") + " dB";
function lengthText(length) {
  if (length === null) return "–";
  const [factor, unit] = length > 1000 ? [1e-3, "s"] : length < 0.1 ? [1e3, "µs"] : [1, "ms"];
  return Number((length * factor).toPrecision(3)) + " " + unit;
}

function drawCursor() {
  const at = state.at;
  for (const one of ["spectra", ...results.flatMap((_, i) => ["wave" + i, "picture" + i, "curve" + i])]) {
    for (const [mark, where] of [["cursor", at && at.x], ["row", at && at.y]]) {
      const line = model(`${one}-${mark}`);
      if (!line) continue;
      line.visible = at !== null;
      if (at) line.location = where;
    }
  }
  if (at) results.forEach((_, i) => drawSections(i, at));
}

// The spectrum at the cursor and the level over time, of the layer shown and of the one beside it.
function drawSections(i, at) {
  const x = model("time"), y = model("frequency");
  for (const [which, index] of [["first", state.layer], ["second", state.second]]) {
    const found = index < 0 ? null : reading(i, keys[index], at);
    const spectrum = model(`spectra-${which}${i}-line`), curve = model(`curve${i}-${which}-line`);
    if (!found || (which === "second" && levelKey(keys[state.layer]) === levelKey(keys[index]))) {
      spectrum.data = curve.data = {x: [], y: []};
      continue;
    }
    const {plane, layer, column, row} = found, count = plane.frequencies.length;
    const up = thinned(plane.frequencies, m => decibels(layer, plane.levels[column * count + m]), y.start, y.end, 2000);
    spectrum.data = {x: up.y, y: up.x};
    curve.data = thinned(plane.times, t => decibels(layer, plane.levels[t * count + row]), x.start, x.end, 2000);
  }
  if (i === state.on) showReading(at);
}

function showReading(at) {
  const first = reading(state.on, keys[state.layer], at);
  if (!first) return;
  put("at-time", timeText(first.time), first.time / time.factor);
  put("at-frequency", frequencyText(first.frequency), first.frequency / frequency.factor);
  put("at-level", levelText(first.level), first.level);
  put("at-window", lengthText(first.length), first.length);
  const second = state.second < 0 || keys[state.second] === "lengths" ? null : reading(state.on, keys[state.second], at);
  document.getElementById("beside").hidden = !second;
  if (!second) return;
  document.getElementById("beside-name").textContent = nameOf(keys[state.second]);
  put("at-second", levelText(second.level), second.level);
}

// A text, and the number that it stands for.
function put(id, text, value) {
  const element = document.getElementById(id);
  element.textContent = text;
  element.dataset.value = value;
}

function nameOf(key) {
  if (key === "lengths") return "Window length";
  const names = new Set(results.flatMap(one => one.layers.filter(layer => layer.key === key)).map(layer => layer.name));
  return names.size === 1 ? [...names][0] : "Optimum";
}
