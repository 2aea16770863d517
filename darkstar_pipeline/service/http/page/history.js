// A day's readings beside its plans, savings by day and month, and what is missing to perfect hindsight.
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

// Worked out once a week and stored: the days and the date are said, since they may be long ago.
export async function drawMissing() {
  const found = await request("/missing");
  el("missing-note").textContent = found.note;
  el("missing").hidden = found.day === null;
  if (found.day === null) {
    el("missing-total").textContent = "";
    return;
  }
  el("missing-total").textContent = `On ${found.days} days from ${found.first_day} to ${found.last_day} the value function would have saved `
    + `${number(found.saved)} ${found.currency} compared with an idle battery, and perfect hindsight ${number(found.missing)} ${found.currency} more.`;
  const head = node("tr");
  head.append(...["were it so", `saves more [${found.currency}]`, "of what is missing"].map((name) => node("th", name, { scope: "col" })));
  const rows = found.rows.map((row) => {
    const line = node("tr");
    line.append(node("th", row.text, { scope: "row" }), node("td", number(row.gain)),
      node("td", row.part === null ? "–" : `${number(100 * row.part, 0)} %`));
    return line;
  });
  const table = node("table");
  table.append(head, ...rows);
  el("missing").replaceChildren(table);
  el("missing-note").textContent = [`Worked out on ${found.day}, replaying those days.`,
    "The parts do not add up. No forecast knows everything, and a larger battery costs money itself.", found.note].join(" ").trim();
}
