"use strict";
// Planes: unpacked from the page, and reduced to the pixels of a picture with no peak lost.

async function unpacked(id) {
  const element = document.getElementById(id);
  const bytes = bytesOf(element.textContent);
  element.remove();
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Response(stream).arrayBuffer();
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), bytes = new Uint8Array(text.length); // older browsers
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

// The columns of a plane one after the other; each was stored as differences.
async function unpackedPlane(id, rows) {
  const plane = new Uint8Array(await unpacked(id));
  for (let start = 0; start < plane.length; start += rows) {
    for (let i = start + 1; i < start + rows; i++) plane[i] = (plane[i] + plane[i - 1]) & 255;
  }
  return plane;
}

// Centres of frames or bins in the unit of the axis.
function centresOf(axis, factor) {
  const centres = new Float64Array(axis.count);
  for (let i = 0; i < axis.count; i++) centres[i] = factor * (axis.values ? axis.values[i] : axis.first + i * axis.step);
  return centres;
}

function lowerBound(values, value) {
  let low = 0, high = values.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] < value) low = middle + 1; else high = middle;
  }
  return low;
}

function nearest(centres, value) {
  const i = lowerBound(centres, value);
  if (i === 0) return 0;
  if (i === centres.length) return i - 1;
  return value - centres[i - 1] < centres[i] - value ? i - 1 : i;
}

// What each of n pixels from low to high shows: the centres first to last - 1 that lie in it; where none does, the nearest one or,
// where cells are wide, a point between two (share of the second). first is -1 beyond the ends.
function pixelCells(centres, low, high, n, log, smooth) {
  const first = new Int32Array(n), last = new Int32Array(n), share = new Float32Array(n);
  const at = k => log ? low * (high / low) ** (k / n) : low + (high - low) * k / n;
  const count = centres.length, spacing = count > 1 ? (centres[count - 1] - centres[0]) / (count - 1) : Infinity;
  const begin = count > 1 ? centres[0] - (centres[1] - centres[0]) / 2 : -Infinity;
  const end = count > 1 ? centres[count - 1] + (centres[count - 1] - centres[count - 2]) / 2 : Infinity;
  const wide = smooth && !log && count > 1 && spacing * n > 3 * (high - low);
  let from = lowerBound(centres, low);
  for (let k = 0; k < n; k++) {
    const edge = at(k + 1), middle = at(k + 0.5);
    let to = from;
    while (to < count && centres[to] < edge) to++;
    if (middle < begin || middle > end) {
      first[k] = -1;
    } else if (wide) {
      const below = Math.min(Math.max(lowerBound(centres, middle) - 1, 0), count - 2);
      first[k] = below;
      last[k] = below + 1;
      share[k] = Math.min(Math.max((middle - centres[below]) / (centres[below + 1] - centres[below]), 0), 1);
    } else if (to > from) {
      first[k] = from;
      last[k] = to;
    } else {
      first[k] = nearest(centres, middle);
      last[k] = first[k] + 1;
    }
    from = to;
  }
  return {first, last, share};
}

// Fill the pixels from column a to column b of a picture, low frequencies first. colour: of a level in quarters.
function paintLevels(out, width, a, b, plane, values, columns, rows, colour) {
  const height = rows.first.length, count = plane.frequencies.length;
  const line = new Float32Array(count);
  let bottom = count, top = 0;
  for (let k = 0; k < height; k++) {
    if (rows.first[k] < 0) continue;
    bottom = Math.min(bottom, rows.first[k]);
    top = Math.max(top, Math.min(rows.last[k] + (rows.share[k] > 0), count));
  }
  for (let x = a; x < b; x++) {
    const first = columns.first[x], last = columns.last[x], share = columns.share[x];
    if (first < 0) {
      for (let y = 0; y < height; y++) out[y * width + x] = 0;
      continue;
    }
    let start = first * count;
    for (let m = bottom; m < top; m++) line[m] = values[start + m];
    if (share > 0) {
      start += count;
      for (let m = bottom; m < top; m++) line[m] += share * (values[start + m] - line[m]);
    } else {
      for (let t = first + 1; t < last; t++) {
        start += count;
        for (let m = bottom; m < top; m++) if (values[start + m] > line[m]) line[m] = values[start + m];
      }
    }
    for (let y = 0; y < height; y++) {
      const low = rows.first[y];
      let level = 0;
      if (low < 0) {
        out[y * width + x] = 0;
        continue;
      }
      if (rows.share[y] > 0) {
        level = line[low] + rows.share[y] * (line[low + 1] - line[low]);
      } else {
        for (let m = low; m < rows.last[y]; m++) if (line[m] > level) level = line[m];
      }
      out[y * width + x] = colour[Math.round(4 * level)];
    }
  }
}

// The same for a map of window lengths: the nearest value, pale where nothing stands out.
function paintLengths(out, width, a, b, map, columns, rows, colour, pale) {
  const height = rows.first.length, count = map.frequencies.length;
  for (let x = a; x < b; x++) {
    const column = columns.first[x] < 0 ? -1 : (columns.first[x] + columns.last[x] - 1) >> 1;
    for (let y = 0; y < height; y++) {
      const row = rows.first[y] < 0 ? -1 : (rows.first[y] + rows.last[y] - 1) >> 1;
      const i = column * count + row;
      out[y * width + x] = column < 0 || row < 0 ? 0 : blend(colour[map.values[i]], pale, map.found[i] / 255);
    }
  }
}

function blend(colour, pale, share) {
  const part = 0.12 + 0.88 * share;
  let mixed = 0xff000000;
  for (let shift = 0; shift < 24; shift += 8) {
    const a = (colour >>> shift) & 255, b = (pale >>> shift) & 255;
    mixed |= Math.round(b + part * (a - b)) << shift;
  }
  return mixed >>> 0;
}

// "#rrggbb" as the number that a picture holds for it.
function pixelOf(hex) {
  const value = parseInt(hex.slice(1), 16);
  return (0xff000000 | (value & 255) << 16 | value & 0xff00 | value >>> 16) >>> 0;
}

// A curve with at most two points for each of so many pixels, its largest and its least value.
function thinned(centres, value, low, high, pixels) {
  const first = Math.max(lowerBound(centres, low) - 1, 0), last = Math.min(lowerBound(centres, high) + 1, centres.length);
  const x = [], y = [], block = Math.max(1, Math.ceil((last - first) / pixels));
  for (let i = first; i < last; i += block) {
    let least = i, most = i;
    for (let k = i; k < Math.min(i + block, last); k++) {
      if (value(k) < value(least)) least = k;
      if (value(k) > value(most)) most = k;
    }
    for (const k of least === most ? [least] : [Math.min(least, most), Math.max(least, most)]) {
      x.push(centres[k]);
      y.push(value(k));
    }
  }
  return {x, y};
}
