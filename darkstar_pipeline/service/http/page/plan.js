// The plan as a chart with a cursor, as a table, and the explanation of a slot.
import { Chart, legend } from "./svg.js";
import { clock, el, node, number, stamp } from "./format.js";

const COLUMNS = [
  ["import_price", "import price"], ["export_price", "export price"], ["load_kwh", "load"], ["pv_kwh", "PV"], ["import_kwh", "import"],
  ["export_kwh", "export"], ["charge_kwh", "charge"], ["discharge_kwh", "discharge"], ["soc_end_percent", "SoC %"],
];
const LEGEND = [
  ["s-price", "import price"], ["s-export_price", "export price"], ["s-soc", "state of charge"], ["b-charge", "charging"],
  ["b-discharge", "discharging"], ["s-load", "load, with its 10–90 % band"], ["s-pv", "PV, with its 10–90 % band"],
  ["s-grid", "grid: import above zero, export below"],
];
let chart, plan, index = 0;

export function drawPlan(newPlan, now) {
  const changed = !plan || plan.id !== newPlan.id;
  plan = newPlan;
  const slots = plan.slots.map((slot) => ({ ...slot, grid_kwh: known(slot) ? slot.import_kwh - slot.export_kwh : null }));
  const panels = [
    { title: "Price", unit: `${plan.currency}/kWh`, height: 110,
      lines: [{ key: "import_price", name: "price" }, { key: "export_price", name: "export_price" }] },
    { title: "State of charge", unit: "%", height: 90, range: [0, 100],
      lines: [{ key: "soc_end_percent", name: "soc", end: true }] },
    { title: "Energy per slot", unit: "kWh", height: 150,
      bands: [{ key: "load", low: "load_low_kwh", high: "load_high_kwh" }, { key: "pv", low: "pv_low_kwh", high: "pv_high_kwh" }],
      bars: [{ key: "charge_kwh", sign: 1 }, { key: "discharge_kwh", sign: -1 }],
      lines: [{ key: "load_kwh", name: "load" }, { key: "pv_kwh", name: "pv" }, { key: "grid_kwh", name: "grid" }] },
  ];
  chart = new Chart(el("chart"), slots, plan.timezone, panels, { width: el("chart").clientWidth });
  chart.present(now);
  legend(el("legend"), LEGEND);
  if (changed) {
    const here = plan.slots.findIndex((slot) => Date.parse(slot.slot_end) > now);
    index = here < 0 ? 0 : here;
    drawTable();
  }
  point(index);
}

const known = (slot) => slot.import_kwh !== null && slot.export_kwh !== null;

function point(to) {
  index = Math.min(Math.max(to, 0), plan.slots.length - 1);
  chart.point(index);
  const slot = plan.slots[index];
  const figures = [
    `${number(slot.import_price)} ${plan.currency}/kWh`, `load ${number(slot.load_kwh)} kWh`, `PV ${number(slot.pv_kwh)} kWh`,
    `battery to ${number(slot.soc_end_percent, 0)} %`,
  ];
  const head = node("strong", `${stamp(slot.slot_start, plan.timezone)}–${clock(slot.slot_end, plan.timezone)}: ${slot.command}`);
  el("cursor").dataset.slot = slot.slot_start;
  el("cursor").replaceChildren(head, node("span", slot.sentence), document.createElement("br"), node("span", figures.join(" · "), { class: "quiet" }));
}

function drawTable() {
  const head = node("tr");
  head.append(node("th", "time", { scope: "col" }), ...COLUMNS.map(([, name]) => node("th", name, { scope: "col" })),
    node("th", "command", { scope: "col" }), node("th", "reason", { scope: "col" }));
  const rows = plan.slots.map((slot) => {
    const row = node("tr");
    row.append(node("th", stamp(slot.slot_start, plan.timezone), { scope: "row" }),
      ...COLUMNS.map(([key]) => node("td", number(slot[key], key === "soc_end_percent" ? 0 : 2))),
      node("td", slot.command, { class: "text" }), node("td", slot.sentence, { class: "text" }));
    return row;
  });
  el("table").replaceChildren(head, ...rows);
}

export function listen() {
  const holder = el("chart");
  const steps = { ArrowLeft: -1, ArrowRight: 1, PageUp: -4, PageDown: 4 };
  holder.addEventListener("keydown", (event) => {
    if (!plan) return;
    if (event.key in steps) point(index + steps[event.key]);
    else if (event.key === "Home") point(0);
    else if (event.key === "End") point(plan.slots.length - 1);
    else return;
    event.preventDefault();
  });
  for (const kind of ["pointermove", "pointerdown"]) {
    holder.addEventListener(kind, (event) => {
      if (plan && event.target.closest("svg")) point(chart.slotAt(event));
    });
  }
}
