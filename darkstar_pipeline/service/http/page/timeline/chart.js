// A chart of slots in panels above each other, drawn as SVG. A slot is a step; a missing value leaves a gap.
import { figure, isKnown, weekday } from "../format.js";
import { t } from "../words.js";

const SPACE = "http://www.w3.org/2000/svg";
const LEFT = 46, RIGHT = 10, GAP = 30, TOP = 36, DAY_WIDTH = 78, TIME_WIDTH = 44;
const TIME_STEPS = [15, 30, 60, 120, 180, 360, 720];

export function shape(name, attributes, parent) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

function label(parent, x, y, text, extra = {}) {
  return Object.assign(shape("text", { x, y, ...extra }, parent), { textContent: text });
}

export class Chart {
  // `panels`: [{title, unit, height, range, lines: [{key, curve}], bars: [{key, sign}], bands: [{key, low, high}]}]
  // `first` and `end` are the slots that are shown; the scales are those of all rows, so that they stay while one pans.
  constructor(holder, rows, zone, panels, { width, first = 0, end = rows.length, now = null }) {
    Object.assign(this, { rows, zone, first, end });
    this.width = Math.max(width, 280);
    this.step = (this.width - LEFT - RIGHT) / (end - first);
    const height = panels.reduce((sum, panel) => sum + panel.height + GAP, TOP) + 2;
    this.bottom = height - GAP;
    this.svg = shape("svg", { viewBox: `0 0 ${this.width} ${height}`, "aria-hidden": "true" });
    this.under = shape("g", {}, this.svg);  // what lies under the lines: the past, what is chosen and painted
    if (now !== null) this.past(now);
    let y = TOP;
    for (const panel of panels) {
      this.panel(panel, y);
      y += panel.height + GAP;
    }
    this.times(height);
    if (now !== null) this.present(now);
    this.mark = shape("line", { class: "mark", y1: TOP - 4, y2: this.bottom, visibility: "hidden" }, this.svg);
    holder.replaceChildren(this.svg);
  }

  x(index) {
    return LEFT + (index - this.first) * this.step;
  }

  // Slots that are shown, each with its index.
  * shown() {
    for (let index = this.first; index < this.end; index += 1) yield [this.rows[index], index];
  }

  panel(panel, top) {
    const [low, high] = panel.range ?? extent(valuesOf(this.rows, panel));
    const y = (value) => top + panel.height * (1 - (value - low) / (high - low));
    for (const tick of ticks(low, high, panel.height)) {
      shape("line", { class: tick ? "grid" : "zero", x1: LEFT, x2: this.width - RIGHT, y1: y(tick), y2: y(tick) }, this.svg);
      label(this.svg, LEFT - 6, y(tick) + 4, figure(tick), { "text-anchor": "end" });
    }
    label(this.svg, LEFT, top - 7, `${panel.title} [${panel.unit}]`, { class: "title" });
    for (const band of panel.bands ?? []) this.band(band, y);
    for (const bar of panel.bars ?? []) this.bars(bar, y);
    for (const line of panel.lines) this.line(line, y);
    if (panel.absent) this.absent(panel, top);
  }

  // Says over the slots without a value that there is none: a gap alone looks like a fault of the page.
  absent({ absent: { key, text }, height }, top) {
    let from = null;
    for (let index = this.first; index <= this.end; index += 1) {
      const without = index < this.end && !isKnown(this.rows[index][key]);
      if (without && from === null) from = index;
      if (without || from === null) continue;
      const [left, width] = [this.x(from), (index - from) * this.step];
      shape("rect", { class: "absent", x: left, y: top, width, height }, this.under);
      if (width > 7 * text.length) label(this.svg, left + width / 2, top + height / 2, text, { "text-anchor": "middle" });
      from = null;
    }
  }

  band(band, y) {
    let path = "";
    for (const [row, index] of this.shown()) {
      if (isKnown(row[band.low])) path += `M${this.x(index)} ${y(row[band.high])}H${this.x(index + 1)}V${y(row[band.low])}H${this.x(index)}Z`;
    }
    if (path) shape("path", { class: `area b-${band.key}`, d: path }, this.svg);
  }

  bars(bar, y) {
    const group = shape("g", { class: `area b-${bar.key}`, "data-series": bar.key }, this.svg);
    for (const [row, index] of this.shown()) {
      if (!row[bar.key]) continue;
      const [from, to] = [y(0), y(row[bar.key] * (bar.sign ?? 1))];
      shape("rect", {
        x: this.x(index), width: Math.max(this.step - 0.4, 0.6), y: Math.min(from, to), height: Math.abs(to - from),
        "data-slot": new Date(row.start).toISOString(), "data-value": row[bar.key],
      }, group);
    }
  }

  // A level holds through its slot and is drawn as a step; a curve runs through the slots' ends.
  line({ key, curve = false }, y) {
    let path = "", open = false;
    const values = [];
    for (const [row, index] of this.shown()) {
      const value = row[key];
      if (!isKnown(value)) {
        open = false;
        continue;
      }
      values.push(value);
      if (curve) path += `${open ? "L" : "M"}${this.x(index + 1)} ${y(value)}`;
      else path += `${open ? "V" : `M${this.x(index)} `}${y(value)}H${this.x(index + 1)}`;
      open = true;
    }
    if (path) shape("path", { class: `line s-${key}`, d: path, "data-series": key, "data-values": JSON.stringify(values) }, this.svg);
  }

  times(height) {
    const minutes = TIME_STEPS.find((each) => each / 15 * this.step >= TIME_WIDTH) ?? 1440;
    let last = -99, named = -99;
    for (const [row, index] of this.shown()) {
      const x = this.x(index);
      if (row.day !== this.rows[index - 1]?.day && index > this.first) shape("line", { class: "day", x1: x, x2: x, y1: TOP - 4, y2: this.bottom }, this.svg);
      if (row.day !== this.rows[index - 1]?.day || index === this.first) {
        const next = this.rows.findIndex((other) => other.day > row.day);
        const place = Math.min(x + 2, this.width - RIGHT - DAY_WIDTH);
        if ((next < 0 || this.x(next) - x > DAY_WIDTH) && place - named > DAY_WIDTH) {
          label(this.svg, (named = place), height - 2, weekday(row.start, this.zone), { class: "title" });
        }
      }
      const [hours, quarters] = row.time.split(":").map(Number);
      if ((60 * hours + quarters) % minutes || x - last < TIME_WIDTH - 4 || x > this.width - 30) continue;
      shape("line", { class: "tick", x1: x, x2: x, y1: this.bottom, y2: this.bottom + 4 }, this.svg);
      const atEdge = x <= LEFT + 16;
      label(this.svg, x, height - 16, row.time, { "text-anchor": atEdge ? "start" : "middle" });
      last = atEdge ? x + TIME_WIDTH / 2 : x;
    }
  }

  xOf(moment) {
    const index = this.rows.findIndex((row) => row.end > moment);
    if (index < 0) return this.x(this.rows.length);
    return this.x(index + Math.max(moment - this.rows[index].start, 0) / (this.rows[index].end - this.rows[index].start));
  }

  past(now) {
    const right = Math.min(this.xOf(now), this.width - RIGHT);
    if (right > LEFT) shape("rect", { class: "past", x: LEFT, y: TOP - 4, width: right - LEFT, height: this.bottom - TOP + 4 }, this.under);
  }

  present(now) {
    const x = this.xOf(now);
    if (x < LEFT || x > this.width - RIGHT || now < this.rows[0].start || now > this.rows.at(-1).end) return;
    shape("line", { class: "present", x1: x, x2: x, y1: 14, y2: this.bottom }, this.svg);
    const atEdge = x > this.width - 60;
    label(this.svg, x, 11, t("now"), { class: "now-label", "text-anchor": atEdge ? "end" : "middle" });
  }

  // Lay a band over slots, under the lines; `kind` is its class.
  lay(kind, first, end, title = "") {
    const [from, to] = [Math.max(first, this.first), Math.min(end, this.end)];
    if (to <= from) return;
    const rect = shape("rect", { class: kind, x: this.x(from), y: TOP - 4, width: (to - from) * this.step, height: this.bottom - TOP + 4 }, this.under);
    if (title) label(rect, 0, 0, title);
  }

  point(index) {
    const x = this.x(index) + this.step / 2, seen = index >= this.first && index < this.end;
    this.mark.setAttribute("x1", x);
    this.mark.setAttribute("x2", x);
    this.mark.setAttribute("visibility", seen ? "visible" : "hidden");
  }

  // The slot under a place on the screen, as a number with its part of the slot.
  placeAt(clientX) {
    const box = this.svg.getBoundingClientRect();
    return this.first + ((clientX - box.left) * this.width / box.width - LEFT) / this.step;
  }
}

export const valuesOf = (rows, panel) => rows.flatMap((row) => [
  ...panel.lines.map((line) => row[line.key]),
  ...(panel.bands ?? []).flatMap((band) => [row[band.low], row[band.high]]),
  ...(panel.bars ?? []).map((bar) => (row[bar.key] ?? 0) * (bar.sign ?? 1)),
]).filter(isKnown);

// From zero, so that heights compare; below it where something is below it.
function extent(values) {
  if (!values.length) return [0, 1];
  const low = Math.min(0, ...values), high = Math.max(0, ...values);
  if (low === high) return [0, 1];  // zeros alone
  const room = (high - low) * 0.05;
  return [low < 0 ? low - room : low, high > 0 ? high + room : high];
}

function ticks(low, high, height) {
  const rough = (high - low) / Math.max(height / 28, 2);
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * unit).find((candidate) => candidate >= rough - 1e-9);
  const values = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9; value += step) values.push(Number(value.toFixed(6)) || 0);
  return values;
}

// Names what is drawn, and nothing else: `entries` are [class, series or band, name].
export function legend(holder, rows, entries) {
  const drawn = entries.filter(([, key]) => rows.some((row) => row[key]));
  holder.replaceChildren(...drawn.map(([kind, , name]) => {
    const item = document.createElement("li");
    const sample = shape("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, item);
    if (kind.startsWith("b-")) shape("rect", { class: kind, x: 1, y: 1, width: 24, height: 10 }, sample);
    else shape("path", { class: `line ${kind}`, d: "M1 6H25" }, sample);
    item.append(name);
    return item;
  }));
}
