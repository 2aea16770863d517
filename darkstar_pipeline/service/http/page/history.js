// A day's readings beside its plans, and savings by day and month.
import { request } from "./api.js";
import { Chart, legend } from "./svg.js";
import { el, node, number } from "./format.js";

const LEGEND = [
  ["s-soc", "state of charge, measured"], ["s-planned_soc", "planned"], ["s-load", "load, measured"],
  ["s-planned_load", "planned"], ["s-pv", "PV, measured"], ["s-planned_pv", "planned"],
];

export async function drawHistory(day) {
  const history = await request(`/history?day=${encodeURIComponent(day)}`);
  const panels = [
    { title: "State of charge", unit: "%", height: 90, range: [0, 100],
      lines: [{ key: "soc_percent", name: "soc", end: true }, { key: "planned_soc_percent", name: "planned_soc", end: true }] },
    { title: "Energy per slot", unit: "kWh", height: 130,
      lines: [{ key: "load_kwh", name: "load" }, { key: "planned_load_kwh", name: "planned_load" },
        { key: "pv_kwh", name: "pv" }, { key: "planned_pv_kwh", name: "planned_pv" }] },
  ];
  const planned = history.slots.filter((slot) => slot.rung !== null).length;
  const read = history.slots.filter((slot) => slot.load_kwh !== null).length;
  el("history-note").textContent = `${planned} of ${history.slots.length} slots have a plan, ${read} have readings.`;
  new Chart(el("history"), history.slots, history.timezone, panels, { width: el("history").clientWidth });
  legend(el("history-legend"), LEGEND);
}

export async function drawSavings(by) {
  const savings = await request(`/savings?by=${by}`);
  const money = (value) => number(value);
  const total = savings.total;
  el("savings-total").textContent = total.saved_vs_idle === null
    ? "No day can be compared yet"
    : `${money(total.saved_vs_idle)} ${savings.currency} saved compared with an idle battery`;
  el("savings-note").textContent = savings.note;
  for (const name of ["day", "month"]) el(`by-${name}`).setAttribute("aria-pressed", String(name === by));
  const head = node("tr");
  const names = [by, "actual", "idle", "self-consumption", "best possible", "saved", "captured share"];
  head.append(...names.map((name) => node("th", name, { scope: "col" })));
  const rows = [...savings.rows, { ...total, period: "all" }].map((row) => {
    const line = node("tr");
    const share = row.captured_share === null ? "–" : `${number(100 * row.captured_share, 0)} %`;
    line.append(node("th", row.period, { scope: "row" }),
      ...["lived", "idle", "self_consumption", "oracle", "saved_vs_idle"].map((key) => node("td", money(row[key]))),
      node("td", share));
    return line;
  });
  const table = node("table");
  table.append(head, ...rows);
  el("savings").replaceChildren(table);
}
