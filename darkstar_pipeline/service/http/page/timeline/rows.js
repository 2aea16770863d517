// The slots of the timeline: what really happened up to now, and what is planned from now on. Powers in kW.
import { clock, isKnown, localDay, SLOT_MS } from "../format.js";

const PER_HOUR = 4;
const power = (energy) => (isKnown(energy) ? energy * PER_HOUR : null);
const difference = (a, b) => (isKnown(a) && isKnown(b) ? PER_HOUR * (a - b) : null);
export const gridPower = (slot) => difference(slot.import_kwh, slot.export_kwh);

// The instants of a slot, as numbers.
export function spanOf(slot) {
  const start = Date.parse(slot.slot_start);
  return { start, end: start + SLOT_MS };
}

// `days` are documents of /history, in order; their slots are the whole price days, past and coming.
export function rowsOf(plan, days, now) {
  const planned = new Map(plan.slots.map((slot) => [Date.parse(slot.slot_start), slot]));
  const seen = new Set();
  const rows = [];
  for (const slot of days.flatMap((day) => day.slots)) {
    const start = Date.parse(slot.slot_start);
    seen.add(start);
    rows.push(planned.has(start) && start + SLOT_MS > now ? comingRow(planned.get(start)) : pastRow(slot, start + SLOT_MS <= now));
  }
  for (const [start, slot] of planned) if (!seen.has(start) && start + SLOT_MS > now) rows.push(comingRow(slot));
  rows.sort((a, b) => a.start - b.start);
  while (rows.length && !isWorthShowing(rows.at(-1))) rows.pop();
  return named(rows, plan.timezone);
}

// Up to the last price: slots without one are left out at the end alone, for the picture's time has no holes.
const isWorthShowing = (row) => row.slot !== null || row.past || row.import_price !== null;

// A day of /history by itself: what was read beside what was planned.
export const dayRows = (history) => named(history.slots.map((slot) => pastRow(slot, true)), history.timezone);

// Energy of the batteries behind the first one; null where there is none.
function furtherOf(slot, flow) {
  const found = Object.entries(slot.others).filter(([name]) => new RegExp(`^battery_\\d+_${flow}_kwh$`).test(name));
  return found.length ? found.reduce((sum, [, energy]) => sum + energy, 0) : null;
}

function comingRow(slot) {
  const [fed, given] = [furtherOf(slot, "charge"), furtherOf(slot, "discharge")];
  const others = Object.entries(slot.others).filter(([name]) => /^(water|ev|appliance)_.*kwh$/.test(name));
  return {
    ...spanOf(slot), past: false, slot,
    import_price: slot.import_price, export_price: slot.export_price,
    load: power(slot.load_kwh), load_low: power(slot.load_low_kwh), load_high: power(slot.load_high_kwh),
    pv: power(slot.pv_kwh), pv_low: power(slot.pv_low_kwh), pv_high: power(slot.pv_high_kwh),
    charge: power(slot.charge_kwh + fed), discharge: power(slot.discharge_kwh + given), further: difference(fed, given), grid: gridPower(slot),
    others: others.length ? power(others.reduce((sum, [, energy]) => sum + energy, 0)) : null,
    target: slot.soc_end_percent, kept: slot.min_soc_percent ?? null, command: slot.command, sentence: slot.sentence,
  };
}

function pastRow(slot, past) {
  const read = (value) => (past ? power(value) : null);
  return {
    ...spanOf(slot), past, slot: null,
    import_price: slot.import_price, export_price: slot.export_price,
    load: read(slot.load_kwh), planned_load: power(slot.planned_load_kwh), pv: read(slot.pv_kwh), planned_pv: power(slot.planned_pv_kwh),
    charge: read(slot.charge_kwh), discharge: read(slot.discharge_kwh),
    grid: past ? gridPower(slot) : null,
    planned_grid: difference(slot.planned_import_kwh, slot.planned_export_kwh),
    target: slot.planned_soc_percent, soc: past ? slot.soc_percent : null, command: slot.command, sentence: "",
  };
}

// Days and times by the home's clock, once for each slot; on the long day an hour comes twice, and its zone is said.
export function named(rows, zone) {
  const times = new Map();
  for (const row of rows) {
    row.day = localDay(row.start, zone);
    row.time = clock(row.start, zone);
    const key = `${row.day} ${row.time}`;
    times.set(key, [...(times.get(key) ?? []), row]);
  }
  for (const same of times.values()) {
    if (same.length === 1) continue;
    for (const row of same) row.twice = new Intl.DateTimeFormat("en-GB", { timeZone: zone, timeZoneName: "short" })
      .formatToParts(row.start).find((part) => part.type === "timeZoneName").value;
  }
  return rows;
}
