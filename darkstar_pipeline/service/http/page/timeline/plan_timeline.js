// The plan on the timeline: the whole price days, its panels and buttons, the read-out, and the raw slots as a table.
import { request } from "../api.js";
import { DAY_MS, el, localDay, node, number, SLOT_MS, stamp } from "../format.js";
import { t } from "../words.js";
import { legend } from "./chart.js";
import { drawReadout } from "./readout.js";
import { rowsOf } from "./rows.js";
import { Timeline } from "./timeline.js";

let plan, days = [], fetched = "", rows = [], timetable = "";
export let timeline;

const panelsOf = (narrow) => [
  { title: t("Price"), unit: `${plan.currency}/kWh`, height: narrow ? 88 : 120, absent: { key: "import_price", text: t("no price known") },
    lines: [{ key: "import_price" }, { key: "export_price" }] },
  { title: t("House and sun"), unit: "kW", height: narrow ? 80 : 104,
    bands: [{ key: "load", low: "load_low", high: "load_high" }, { key: "pv", low: "pv_low", high: "pv_high" }],
    bars: [{ key: "others" }],
    lines: [{ key: "planned_load" }, { key: "planned_pv" }, { key: "load" }, { key: "pv" }] },
  { title: t("Battery and grid"), unit: "kW", height: narrow ? 96 : 128,
    bars: [{ key: "charge" }, { key: "discharge", sign: -1 }], lines: [{ key: "grid" }] },
  { title: t("Stored energy"), unit: "%", height: narrow ? 72 : 96, range: [0, 100],
    lines: [{ key: "kept" }, { key: "target" }, { key: "soc", curve: true }] },
];
const legendOf = () => [
  ["s-import_price", "import_price", t("buying")], ["s-export_price", "export_price", t("selling")],
  ["s-load", "load", t("house")], ["b-load", "load_low", t("house, 8 of 10 cases")],
  ["s-pv", "pv", t("sun")], ["b-pv", "pv_low", t("sun, 8 of 10 cases")],
  ["s-planned_load", "planned_load", t("as it had been planned")], ["b-others", "others", t("car, water and appliances")],
  ["b-charge", "charge", t("battery charges")], ["b-discharge", "discharge", t("battery gives")],
  ["s-grid", "grid", t("grid: buying above zero, selling below")],
  ["s-target", "target", t("stored energy, planned")], ["s-soc", "soc", t("stored energy, read")],
  ["s-kept", "kept", t("kept for outages")],
];

export function listen() {
  const holder = el("chart");
  timeline = new Timeline(holder);
  holder.addEventListener("slotpoint", (event) => drawReadout(rows[event.detail.index], plan));
  holder.addEventListener("windowchange", (event) => {
    el("zoom-all").disabled = el("zoom-out").disabled = el("pan-back").disabled = el("pan-on").disabled = event.detail.whole;
  });
  const quarter = () => { const [first, end] = timeline.window(); return (end - first) / 4; };
  const buttons = {
    "pan-back": () => timeline.pan(-quarter()), "pan-on": () => timeline.pan(quarter()), "zoom-in": () => timeline.zoom(1.5),
    "zoom-out": () => timeline.zoom(1 / 1.5), "zoom-all": () => timeline.all(), "to-now": () => timeline.point(timeline.present()),
  };
  for (const [id, action] of Object.entries(buttons)) el(id).addEventListener("click", () => rows.length && action());
}

export async function drawTimeline(newPlan, now) {
  plan = newPlan;
  const failure = await readDays(now);
  rows = rowsOf(plan, days, now);
  timeline.set(rows, plan.timezone, panelsOf(el("chart").clientWidth < 600), now);
  legend(el("legend"), rows, legendOf());
  timeline.point(timeline.index);
  drawTable();
  if (failure) throw failure;
}

// What was read is asked for once a slot; where that fails, the plan alone is shown, and the failure told.
async function readDays(now) {
  const key = `${plan.id} ${Math.floor(now / SLOT_MS)}`;
  if (key === fetched) return null;
  const wanted = [localDay(now, plan.timezone)];
  if (plan.cost === null) wanted.push(localDay(now + DAY_MS, plan.timezone));  // prices may be there where a plan is not
  try {
    days = await Promise.all(wanted.map((day) => request(`/history?day=${day}`)));
    fetched = key;
  } catch (error) {
    days = [];
    return error;
  }
  return null;
}

const COLUMNS = [
  ["import_price", t("buying")], ["export_price", t("selling")], ["load_kwh", t("house")], ["pv_kwh", t("sun")],
  ["import_kwh", t("bought")], ["export_kwh", t("sold")], ["charge_kwh", t("charged")], ["discharge_kwh", t("given")],
  ["soc_end_percent", t("stored")],
];

function drawTable() {
  if (timetable === plan.id) return;
  timetable = plan.id;
  const head = node("tr");
  const unit = (key) => (key.endsWith("_price") ? `${plan.currency}/kWh` : key.endsWith("_percent") ? "%" : "kWh");
  head.append(node("th", t("time"), { scope: "col" }),
    ...COLUMNS.map(([key, name]) => node("th", `${name} [${unit(key)}]`, { scope: "col", title: key })),
    node("th", t("what the battery does"), { scope: "col" }), node("th", t("why"), { scope: "col" }));
  const lines = plan.slots.map((slot) => {
    const line = node("tr");
    line.append(node("th", stamp(slot.slot_start, plan.timezone), { scope: "row" }),
      ...COLUMNS.map(([key]) => node("td", number(slot[key], key === "soc_end_percent" ? 0 : 2))),
      node("td", slot.command, { class: "text" }), node("td", slot.sentence, { class: "text" }));
    return line;
  });
  el("table").replaceChildren(head, ...lines);
}
