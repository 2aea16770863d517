// What happened: a day against its plans, and what was saved by day and month.
import { ask } from "./ask.js";
import { Chart, legend } from "./svg.js";
import { el, node, number } from "./words.js";

const LEGEND = [
  ["s-soc", "state of charge as read"], ["s-planned_soc", "as planned"], ["s-load", "load as read"],
  ["s-planned_load", "as planned"], ["s-pv", "PV as read"], ["s-planned_pv", "as planned"],
];

export async function drawHistory(day) {
  const found = await ask(`/history?day=${encodeURIComponent(day)}`);
  const panels = [
    { title: "State of charge", unit: "%", height: 90, range: [0, 100],
      lines: [{ key: "soc_percent", name: "soc", end: true }, { key: "planned_soc_percent", name: "planned_soc", end: true }] },
    { title: "Energy a slot", unit: "kWh", height: 130,
      lines: [{ key: "load_kwh", name: "load" }, { key: "planned_load_kwh", name: "planned_load" },
        { key: "pv_kwh", name: "pv" }, { key: "planned_pv_kwh", name: "planned_pv" }] },
  ];
  const planned = found.slots.filter((slot) => slot.rung !== null).length;
  const read = found.slots.filter((slot) => slot.load_kwh !== null).length;
  el("history-note").textContent = `${planned} of ${found.slots.length} slots were planned, ${read} were read.`;
  new Chart(el("history"), found.slots, found.timezone, panels, { width: el("history").clientWidth });
  legend(el("history-legend"), LEGEND);
}

export async function drawSavings(by) {
  const found = await ask(`/savings?by=${by}`);
  const money = (value) => number(value);
  const total = found.total;
  el("savings-total").textContent = total.saved_vs_idle === null
    ? "Nothing to compare yet"
    : `${money(total.saved_vs_idle)} ${found.currency} saved against doing nothing`;
  el("savings-note").textContent = found.note;
  for (const name of ["day", "month"]) el(`by-${name}`).setAttribute("aria-pressed", String(name === by));
  const head = node("tr");
  const names = [by, "lived", "idle", "self-consumption", "oracle", "saved", "of what can be saved"];
  head.append(...names.map((name) => node("th", name, { scope: "col" })));
  const rows = [...found.rows, { ...total, period: "all" }].map((row) => {
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
