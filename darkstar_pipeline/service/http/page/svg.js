// A chart of slots in panels above each other, drawn as SVG. A slot is a step; a missing value leaves a gap.
import { clock, localDay, weekday } from "./format.js";

const SPACE = "http://www.w3.org/2000/svg";
const LEFT = 46, RIGHT = 10, GAP = 30, TOP = 22, NAME = 78;

export function shape(name, attributes, parent) {
  const element = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (parent) parent.append(element);
  return element;
}

function label(parent, x, y, text, extra = {}) {
  shape("text", { x, y, ...extra }, parent).textContent = text;
}

export class Chart {
  // `panels`: [{title, unit, height, lines: [{key, name}], bars: [{key, name, sign}], bands: [{key, low, high}]}]
  constructor(holder, slots, zone, panels, { width }) {
    this.holder = holder;
    this.slots = slots;
    this.zone = zone;
    this.width = Math.max(width, 280);
    this.inner = this.width - LEFT - RIGHT;
    this.step = this.inner / slots.length;
    const height = panels.reduce((sum, panel) => sum + panel.height + GAP, TOP);
    this.bottom = height - GAP + 2;
    this.svg = shape("svg", { viewBox: `0 0 ${this.width} ${height}`, role: "img", "aria-hidden": "true" });
    let y = TOP;
    for (const panel of panels) {
      this.panel(panel, y);
      y += panel.height + GAP;
    }
    this.times(height);
    this.mark = shape("line", { class: "mark", y1: TOP - 6, y2: this.bottom, visibility: "hidden" }, this.svg);
    holder.replaceChildren(this.svg);
  }

  x(index) {
    return LEFT + index * this.step;
  }

  panel(panel, top) {
    const keys = [
      ...panel.lines.map((line) => line.key),
      ...(panel.bands ?? []).flatMap((band) => [band.low, band.high]),
    ];
    const values = this.slots.flatMap((slot) => [
      ...keys.map((key) => slot[key]),
      ...(panel.bars ?? []).map((bar) => (slot[bar.key] ?? 0) * bar.sign),
    ]).filter((value) => value !== null && value !== undefined);
    const [low, high] = panel.range ?? extent(values);
    const y = (value) => top + panel.height * (1 - (value - low) / (high - low));
    for (const tick of ticks(low, high)) {
      shape("line", { class: "grid", x1: LEFT, x2: this.width - RIGHT, y1: y(tick), y2: y(tick) }, this.svg);
      label(this.svg, LEFT - 6, y(tick) + 4, String(tick).replace("-", "−"), { "text-anchor": "end" });
    }
    label(this.svg, LEFT, top - 7, `${panel.title} [${panel.unit}]`, { class: "title" });
    for (const band of panel.bands ?? []) this.band(band, y);
    for (const bar of panel.bars ?? []) this.bars(bar, y);
    for (const line of panel.lines) this.line(line, y);
  }

  band(band, y) {
    let path = "";
    this.slots.forEach((slot, index) => {
      if (slot[band.low] === null || slot[band.low] === undefined) return;
      const [left, right] = [this.x(index), this.x(index + 1)];
      path += `M${left} ${y(slot[band.high])}H${right}V${y(slot[band.low])}H${left}Z`;
    });
    if (path) shape("path", { class: `area b-${band.key}`, d: path }, this.svg);
  }

  bars(bar, y) {
    const group = shape("g", { class: `area b-${bar.key.replace("_kwh", "")}`, "data-series": bar.key }, this.svg);
    this.slots.forEach((slot, index) => {
      const value = slot[bar.key];
      if (!value) return;
      const [from, to] = [y(0), y(value * bar.sign)];
      shape("rect", {
        x: this.x(index), width: Math.max(this.step - 0.4, 0.6), y: Math.min(from, to), height: Math.abs(to - from),
        "data-slot": slot.slot_start, "data-value": value,
      }, group);
    });
  }

  line(line, y) {
    let path = "", open = false;
    const values = [];
    this.slots.forEach((slot, index) => {
      const value = slot[line.key];
      if (value === null || value === undefined) {
        open = false;
        return;
      }
      values.push(value);
      if (line.end) path += `${open ? "L" : "M"}${this.x(index + 1)} ${y(value)}`;
      else path += `${open ? "V" : `M${this.x(index)} `}${y(value)}H${this.x(index + 1)}`;
      open = true;
    });
    shape("path", { class: `line s-${line.name}`, d: path || "M0 0", "data-series": line.key, "data-values": JSON.stringify(values) }, this.svg);
  }

  times(height) {
    let day = "", last = -99, named = -99;
    this.slots.forEach((slot, index) => {
      const here = localDay(slot.slot_start, this.zone);
      const x = this.x(index);
      const text = clock(slot.slot_start, this.zone);
      if (here !== day) {
        if (day) shape("line", { class: "day", x1: x, x2: x, y1: TOP - 6, y2: this.bottom }, this.svg);
        const next = this.slots.findIndex((other) => localDay(other.slot_start, this.zone) > here);
        if (next < 0 || this.x(next) - x > NAME || index) {
          const place = Math.min(x + 2, this.width - RIGHT - NAME);
          if (place - named > NAME) label(this.svg, (named = place), height - 2, weekday(slot.slot_start, this.zone), { class: "title" });
        }
        day = here;
      }
      if (text.endsWith(":00") && Number(text.slice(0, 2)) % 3 === 0 && x - last > 38 && x < this.width - 30) {
        label(this.svg, x, height - 15, text, { "text-anchor": index ? "middle" : "start" });
        last = x;
      }
    });
  }

  present(moment) {
    const [first, last] = [Date.parse(this.slots[0].slot_start), Date.parse(this.slots.at(-1).slot_end ?? this.slots.at(-1).slot_start)];
    if (moment < first || moment > last) return;
    const x = LEFT + this.inner * (moment - first) / (last - first);
    shape("line", { class: "present", x1: x, x2: x, y1: TOP - 6, y2: this.bottom }, this.svg);
  }

  point(index) {
    const x = this.x(index) + this.step / 2;
    this.mark.setAttribute("x1", x);
    this.mark.setAttribute("x2", x);
    this.mark.setAttribute("visibility", "visible");
  }

  slotAt(event) {
    const box = this.svg.getBoundingClientRect();
    const x = (event.clientX - box.left) * this.width / box.width;
    return Math.min(Math.max(Math.floor((x - LEFT) / this.step), 0), this.slots.length - 1);
  }
}

function extent(values) {
  if (!values.length) return [0, 1];
  const low = Math.min(0, ...values), high = Math.max(0, ...values);
  const room = (high - low || 1) * 0.05;
  return [low < 0 ? low - room : low, high + room];
}

function ticks(low, high) {
  const rough = (high - low) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const values = [];
  for (let value = Math.ceil(low / step) * step; value <= high + 1e-9; value += step) values.push(Number(value.toFixed(6)));
  return values;
}

export function legend(holder, entries) {
  holder.replaceChildren(...entries.map(([kind, name]) => {
    const item = document.createElement("li");
    const sample = shape("svg", { viewBox: "0 0 26 12", "aria-hidden": "true" }, item);
    if (kind.startsWith("b-")) shape("rect", { class: kind, x: 1, y: 1, width: 24, height: 10 }, sample);
    else shape("path", { class: `line ${kind}`, d: "M1 6H25" }, sample);
    item.append(name);
    return item;
  }));
}
