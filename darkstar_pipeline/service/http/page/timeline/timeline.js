// The timeline: a chart with a window that zooms and pans, a cursor, and a stretch of slots that can be chosen.
//
// By mouse: moving shows a slot, dragging pans (with Shift: chooses), Ctrl + wheel zooms. By touch: a tap shows a slot,
// one finger pans or moves the cursor, two zoom. By keyboard: see `keys`.
//
// For others: `addEventListener` on the holder hears "slotpoint" (detail: {index}) and "slotrange" (detail: {first, end,
// from, until, done}; instants as Date, `done` false while the pointer still moves, all null when nothing is chosen).
// `choosing = true` makes plain dragging choose, for painting; `choose(first, end)` does it by program; `paint(bands)` lays
// bands [{from, until, kind, title}] under the lines, `kind` a class of the style sheet.
import { Chart } from "./chart.js";

const LEAST_SLOTS = 8, ZOOM = 1.5, SLIP = 6;

export class Timeline {
  constructor(holder) {
    Object.assign(this, { holder, rows: [], index: 0, span: null, chosen: null, bands: [], choosing: false });
    this.pointers = new Map();
    this.listen();
  }

  // New rows keep the window, the cursor and what is chosen by their times.
  set(rows, zone, panels, now) {
    const at = this.rows[this.index]?.start, chosen = this.chosen && this.times(this.chosen);
    Object.assign(this, { rows, zone, panels, now });
    const found = rows.findIndex((row) => row.start === at);
    this.index = found < 0 ? this.present() : found;
    this.chosen = chosen && this.slots(chosen.from, chosen.until);
    this.draw();
  }

  present() {
    const found = this.rows.findIndex((row) => row.end > this.now);
    return found < 0 ? 0 : found;
  }

  times([first, end]) {
    return { from: new Date(this.rows[first].start), until: new Date(this.rows[end - 1].end) };
  }

  // The slots [first, end) of a stretch of time; null where none is there.
  slots(from, until) {
    const first = this.rows.findIndex((row) => row.end > from);
    const end = this.rows.findLastIndex((row) => row.start < until) + 1;
    return first >= 0 && first < end ? [first, end] : null;
  }

  // The window as slots; the whole where nothing is zoomed.
  window() {
    const all = [0, this.rows.length];
    return this.span ? this.slots(this.span.from, this.span.until) ?? all : all;
  }

  draw() {
    const width = this.holder.clientWidth;
    if (!this.rows.length || !width) return;
    const [first, end] = this.window();
    this.chart = new Chart(this.holder, this.rows, this.zone, this.panels, { width, first, end, now: this.now });
    for (const { from, until, kind, title } of this.bands) {
      const slots = this.slots(from, until);
      if (slots) this.chart.lay(kind, ...slots, title);
    }
    if (this.chosen) this.chart.lay("chosen", ...this.chosen);
    this.chart.point(this.index);
    this.tell("windowchange", { first, end, whole: this.span === null });
  }

  tell(name, detail) {
    this.holder.dispatchEvent(new CustomEvent(name, { detail }));
  }

  point(index) {
    this.index = Math.min(Math.max(index, 0), this.rows.length - 1);
    const [first, end] = this.window();
    if (this.index < first || this.index >= end) this.show(first + this.index - (this.index < first ? first : end - 1), end - first);
    this.chart?.point(this.index);
    this.tell("slotpoint", { index: this.index });
  }

  // Show `count` slots from `first` on, as far as there are so many.
  show(first, count) {
    const n = Math.min(Math.max(Math.round(count), Math.min(LEAST_SLOTS, this.rows.length)), this.rows.length);
    const from = Math.min(Math.max(Math.round(first), 0), this.rows.length - n);
    this.span = n === this.rows.length ? null : this.times([from, from + n]);
    this.draw();
  }

  all() {
    this.span = null;
    this.draw();
  }

  // `place` stays where it is: the cursor's slot, or what lies under the pointer.
  zoom(factor, place = this.index + 0.5) {
    const [first, end] = this.window(), count = (end - first) / factor;
    this.show(place - (place - first) * count / (end - first), count);
  }

  pan(slots) {
    const [first, end] = this.window();
    this.show(first + slots, end - first);
  }

  choose(first, end, done = true) {
    this.chosen = first === null ? null : [Math.max(Math.min(first, end), 0), Math.min(Math.max(first, end), this.rows.length)];
    this.draw();
    const [from, until] = this.chosen ?? [null, null];
    this.tell("slotrange", { first: from, end: until, ...(this.chosen ? this.times(this.chosen) : { from: null, until: null }), done });
  }

  paint(bands) {
    this.bands = bands;
    this.draw();
  }

  listen() {
    const { holder } = this;
    holder.addEventListener("keydown", (event) => this.rows.length && this.keys(event));
    holder.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    holder.addEventListener("pointerdown", (event) => this.down(event));
    holder.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) holder.addEventListener(name, (event) => this.up(event));
    let width = 0;
    new ResizeObserver(() => {
      if (holder.clientWidth === width) return;
      width = holder.clientWidth;
      this.draw();
    }).observe(holder);
  }

  keys(event) {
    const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -4, PageDown: 4 };
    const [first, end] = this.window();
    const others = {
      Home: () => this.point(0), End: () => this.point(this.rows.length - 1), n: () => this.point(this.present()),
      "+": () => this.zoom(ZOOM), "-": () => this.zoom(1 / ZOOM), 0: () => this.all(), Escape: () => this.choose(null),
      "<": () => this.pan((first - end) / 4), ">": () => this.pan((end - first) / 4),
    };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in steps) {
      const anchor = this.anchor ?? this.index;
      this.point(this.index + steps[event.key]);
      this.anchor = event.shiftKey ? anchor : null;
      if (event.shiftKey) this.choose(Math.min(anchor, this.index), Math.max(anchor, this.index) + 1);
    } else if (event.key in others) others[event.key]();
    else return;
    event.preventDefault();
  }

  // The bare wheel scrolls the page, as everywhere; with Ctrl (a pinch on a touch pad too) it zooms, sideways it pans.
  wheel(event) {
    if (!this.chart) return;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (event.ctrlKey || event.metaKey) this.zoom(2 ** (-event.deltaY / 200), this.chart.placeAt(event.clientX));
    else if (Math.abs(sideways) > (event.shiftKey ? 0 : Math.abs(event.deltaY)) && this.span) this.pan(sideways / this.chart.step);
    else return;
    event.preventDefault();
  }

  down(event) {
    if (!this.chart || !event.target.closest("svg") || event.button > 0) return;
    this.pointers.set(event.pointerId, event.clientX);
    const place = this.chart.placeAt(event.clientX);
    this.drag = { x: event.clientX, place, window: this.window(), choosing: this.choosing || event.shiftKey, moved: false };
    if (this.pointers.size === 2) this.pinch = this.between();
    else this.point(Math.floor(place));
    this.holder.setPointerCapture(event.pointerId);
  }

  between() {
    const [a, b] = [...this.pointers.values()];
    const [first, end] = this.window();
    return { distance: Math.max(Math.abs(a - b), 20), place: this.chart.placeAt((a + b) / 2), count: end - first };
  }

  move(event) {
    if (!this.chart) return;
    const place = this.chart.placeAt(event.clientX);
    if (!this.pointers.has(event.pointerId)) {
      if (event.pointerType === "mouse" && event.target.closest("svg")) this.point(Math.floor(place));
      return;
    }
    this.pointers.set(event.pointerId, event.clientX);
    if (this.pinch && this.pointers.size === 2) this.pinchTo(this.between());
    else if (this.drag) this.dragTo(event.clientX, place);
  }

  pinchTo({ distance, place }) {
    const [first, end] = this.window(), count = this.pinch.count * this.pinch.distance / distance;
    this.show(this.pinch.place - (place - first) * count / (end - first), count);
  }

  dragTo(x, place) {
    const { drag } = this;
    drag.moved ||= Math.abs(x - drag.x) > SLIP;
    if (!drag.moved) return;
    if (drag.choosing) {
      const [a, b] = [Math.floor(drag.place), Math.floor(place)];
      this.choose(Math.min(a, b), Math.max(a, b) + 1, false);
    } else if (this.span) {
      this.show(drag.window[0] - (x - drag.x) / this.chart.step, drag.window[1] - drag.window[0]);
      return;
    }
    this.point(Math.floor(place));
  }

  up(event) {
    if (!this.pointers.delete(event.pointerId)) return;
    if (this.drag?.choosing && this.drag.moved && this.chosen) this.choose(...this.chosen);
    this.drag = this.pinch = null;
  }
}
