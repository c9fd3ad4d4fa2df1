// The finer level of a layer: tiles that are unpacked when they come into sight, joined to a plane that holds the view.

const tiles = new Map(); // by the id of the levels, as {levels, drawn}; null while they are unpacked
const joined = new Map(); // by result and layer, the last plane

function inView(x, y) {
  const [across, up] = [model("time"), model("frequency")];
  return x >= across.start && x <= across.end && y >= up.start && y <= up.end;
}

// How many centres lie in a range.
const countIn = (centres, range) => lowerBound(centres, range.end) - lowerBound(centres, range.start);

// The first tile of a range with one more centre at either end, and the one after the last.
function tilesOf(centres, range) {
  const first = Math.max(lowerBound(centres, range.start) - 1, 0), last = Math.min(lowerBound(centres, range.end) + 1, centres.length);
  return [Math.floor(first / content.tile), Math.ceil(last / content.tile)];
}

// The finer plane of a layer over the view; null where the whole one has a point for each pixel, and until its tiles are unpacked.
function finerPlane(i, key, whole) {
  const finer = key !== "lengths" && layerOf(results[i], key).finer, plot = model("picture" + i), x = model("time"), y = model("frequency");
  if (!finer || countIn(whole.times, x) >= plot.inner_width && countIn(whole.frequencies, y) >= plot.inner_height) return null;
  finer.centres ||= [centresOf(finer.times, time.factor), centresOf(finer.frequencies, frequency.factor)];
  const [left, right] = tilesOf(finer.centres[0], x), [bottom, top] = tilesOf(finer.centres[1], y);
  if ((right - left) * (top - bottom) * content.tile ** 2 > content.joined) return null;
  const place = [left, right, bottom, top].join(), last = joined.get(i + key);
  if (last && last.place === place) return last;
  const sight = [], stack = Math.ceil(finer.centres[1].length / content.tile);
  for (let across = left; across < right; across++) {
    for (let up = bottom; up < top; up++) sight.push({across, up, ...tileOf(finer, across * stack + up, up)});
  }
  if (!sight.every(tile => tile.levels)) return null;
  joined.set(i + key, {place, ...join(sight, finer.centres, left, right, bottom, top)});
  return joined.get(i + key);
}

// A tile, empty until it is unpacked. up: its place in its stack.
function tileOf(finer, number, up) {
  const id = finer.levels[number], rows = Math.min(content.tile, finer.centres[1].length - up * content.tile);
  if (!tiles.has(id)) {
    tiles.set(id, null);
    unpackedLevels(id, finer.drawn && finer.drawn[number], rows).then(tile => { tiles.set(id, tile); redraw(); }, failed);
  }
  return tiles.get(id);
}

function join(sight, [times, frequencies], left, right, bottom, top) {
  const size = content.tile;
  const plane = {times: times.subarray(left * size, right * size), frequencies: frequencies.subarray(bottom * size, top * size)};
  const count = plane.frequencies.length, apart = sight.some(tile => tile.drawn !== tile.levels);
  plane.levels = plane.drawn = new Uint8Array(plane.times.length * count);
  if (apart) plane.drawn = new Uint8Array(plane.levels.length);
  for (const tile of sight) {
    const rows = Math.min(size, count - (tile.up - bottom) * size), columns = tile.levels.length / rows;
    for (const kind of apart ? ["levels", "drawn"] : ["levels"]) {
      for (let t = 0; t < columns; t++) {
        plane[kind].set(tile[kind].subarray(t * rows, (t + 1) * rows), ((tile.across - left) * size + t) * count + (tile.up - bottom) * size);
      }
    }
  }
  return plane;
}
