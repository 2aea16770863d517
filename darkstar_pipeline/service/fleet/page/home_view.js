// One home: what it does now, its plan on the timeline of a single home's page, and every slot as a table.
import { request } from "../api.js";
import { clock, el, fill, number, stamp } from "../format.js";
import { table } from "../tables.js";
import { legend } from "../timeline/chart.js";
import { drawReadout } from "../timeline/readout.js";
import { rowsOf } from "../timeline/rows.js";
import { Timeline } from "../timeline/timeline.js";
import { t } from "../words.js";
import { factsOf, since, SOURCES, STATES } from "./fleet.js";

let timeline, rows = [], plan = null;

const REASONS = {
  charge_from_grid: t("charges from the grid"), store_surplus: t("stores the sun's surplus"), sell_from_battery: t("sells from the battery"),
  cover_load: t("covers the house"), curtail: t("holds the sun back"), sell_surplus: t("sells the sun's surplus"), hold: t("rests"),
};

const panelsOf = (narrow) => [
  { title: t("Price"), unit: `${plan.currency}/kWh`, height: narrow ? 88 : 120, lines: [{ key: "import_price" }, { key: "export_price" }] },
  { title: t("House and sun"), unit: "kW", height: narrow ? 80 : 104, lines: [{ key: "load" }, { key: "pv" }] },
  { title: t("Battery and grid"), unit: "kW", height: narrow ? 96 : 128, bars: [{ key: "charge" }, { key: "discharge", sign: -1 }], lines: [{ key: "grid" }] },
  { title: t("Stored energy"), unit: "%", height: narrow ? 72 : 96, range: [0, 100], lines: [{ key: "target" }] },
];
const legendOf = () => [
  ["s-import_price", "import_price", t("buying")], ["s-export_price", "export_price", t("selling")], ["s-load", "load", t("house")],
  ["s-pv", "pv", t("sun")], ["b-charge", "charge", t("battery charges")], ["b-discharge", "discharge", t("battery gives")],
  ["s-grid", "grid", t("grid: buying above zero, selling below")], ["s-target", "target", t("stored energy, planned")],
];

export function listenHome() {
  timeline = new Timeline(el("chart"));
  el("chart").addEventListener("slotpoint", (event) => drawReadout(rows[event.detail.index], plan));
}

export async function showHome(site) {
  const path = `/sites/${encodeURIComponent(site)}`;
  const [home, command] = await Promise.all([request(path), request(`${path}/command`)]);
  el("home-title").textContent = home.site;
  el("home-command").textContent = command.command;
  plan = home.created_at === null ? null : await request(`${path}/plan`);
  const zone = plan?.timezone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const words = [command.why, home.why].filter(Boolean);
  el("home-why").textContent = words.join("; ") || t("until {time}", { time: clock(command.expires_at, zone) });
  fill(el("home-facts"), ...factsOf([
    [t("state"), STATES[home.state]], [t("plan made"), since(home.created_at)],
    [t("saves"), home.saving === null ? "–" : `${number(home.saving)} ${home.currency}`], [t("area"), home.area],
    [t("tariff"), home.tariff ?? "–"], [t("capacity [kWh]"), home.capacity_kwh === null ? "–" : number(home.capacity_kwh, 1)],
    [t("Planned by"), home.source === null ? "–" : SOURCES[home.source] ?? home.source], [t("version in use"), home.model || "–"],
    ...(home.source_why ? [[t("why not that version"), home.source_why]] : []),
  ]));
  el("view-home").hidden = false;  // the timeline measures its place
  el("home-picture").hidden = el("home-slots").hidden = plan === null;
  if (plan !== null) drawPlan(Date.parse(command.slot_start));
}

function drawPlan(now) {
  plan.slots = plan.slots.map((slot) => ({ ...slot, others: {}, command: "", sentence: REASONS[slot.reason] ?? slot.reason }));
  rows = rowsOf(plan, [], now);
  timeline.set(rows, plan.timezone, panelsOf(el("chart").clientWidth < 600), now);
  legend(el("legend"), rows, legendOf());
  if (rows.length) timeline.point(timeline.index);
  const names = [t("time"), t("buying"), t("house"), t("sun"), t("bought"), t("sold"), t("charged"), t("given"), t("stored"), t("what the battery does")];
  const lines = plan.slots.map((slot) => [stamp(slot.slot_start, plan.timezone),
    ...["import_price", "load_kwh", "pv_kwh", "import_kwh", "export_kwh", "charge_kwh", "discharge_kwh"].map((key) => number(slot[key])),
    number(slot.soc_end_percent, 0), slot.sentence]);
  fill(el("slots"), table(names, lines));
}
