// A day's readings beside its plans, savings by day and month, and what is missing to perfect hindsight.
import { request } from "./api.js";
import { Chart, legend } from "./timeline/chart.js";
import { dayRows } from "./timeline/rows.js";
import { el, node, number } from "./format.js";
import { t } from "./words.js";

const legendOf = () => [
  ["s-soc", "soc", t("stored energy, read")], ["s-target", "target", t("stored energy, planned")],
  ["s-load", "load", t("house, read")], ["s-planned_load", "planned_load", t("house, planned")],
  ["s-pv", "pv", t("sun, read")], ["s-planned_pv", "planned_pv", t("sun, planned")],
];

export async function drawHistory(day) {
  const history = await request(`/history?day=${encodeURIComponent(day)}`);
  const panels = [
    { title: t("House and sun"), unit: "kW", height: 130,
      lines: [{ key: "planned_load" }, { key: "planned_pv" }, { key: "load" }, { key: "pv" }] },
    { title: t("Stored energy"), unit: "%", height: 90, range: [0, 100], lines: [{ key: "target" }, { key: "soc", curve: true }] },
  ];
  const figures = {
    slots: history.slots.length,
    planned: history.slots.filter((slot) => slot.rung !== null).length,
    read: history.slots.filter((slot) => slot.load_kwh !== null).length,
  };
  el("history-note").textContent = t("Of {slots} quarters of an hour {planned} have a plan, {read} have readings.", figures);
  const rows = dayRows(history);
  new Chart(el("history"), rows, history.timezone, panels, { width: el("history").clientWidth });
  legend(el("history-legend"), rows, legendOf());
}

// The newest first, below the total; the technical name of each way is in the title of its column.
export async function drawSavings(by) {
  const savings = await request(`/savings?by=${by}`);
  const money = (value) => number(value);
  const total = savings.total;
  el("savings-total").textContent = total.saved_vs_idle === null
    ? t("No day can be compared yet")
    : t("{money} saved compared with a battery that is not used", { money: `${money(total.saved_vs_idle)} ${savings.currency}` });
  el("savings-note").textContent = savings.note;
  for (const name of ["day", "month"]) el(`by-${name}`).setAttribute("aria-pressed", String(name === by));
  const head = node("tr");
  const names = [[by === "day" ? t("day") : t("month"), "period"], [t("as it was"), "lived"], [t("battery not used"), "idle"],
    [t("battery by itself"), "self_consumption"], [t("best possible"), "oracle"], [t("saved"), "saved_vs_idle"],
    [t("of what is possible"), "captured_share"]];
  head.append(...names.map(([name, title]) => node("th", name, { scope: "col", title })));
  const rows = [{ ...total, period: t("all") }, ...savings.rows.toReversed()].map((row, index) => {
    const line = node("tr", null, index ? {} : { class: "total" });
    const share = row.captured_share === null ? "–" : `${number(100 * row.captured_share, 0)} %`;
    line.append(node("th", row.period, { scope: "row" }),
      ...["lived", "idle", "self_consumption", "oracle", "saved_vs_idle"].map((key) => node("td", money(row[key]))),
      node("td", share));
    return line;
  });
  const table = node("table");
  table.append(node("caption", t("Cost in {currency}", { currency: savings.currency })), head, ...rows);
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
  el("missing-total").textContent = t("On {days} days from {first} to {last} the full calculation would have saved {saved} {currency} compared with a battery that is not used, and perfect hindsight {missing} {currency} more.", {
    days: found.days, first: found.first_day, last: found.last_day, saved: number(found.saved), missing: number(found.missing),
    currency: found.currency,
  });
  const head = node("tr");
  const columns = [t("were it so"), t("saves more [{currency}]", { currency: found.currency }), t("of what is missing")];
  head.append(...columns.map((name) => node("th", name, { scope: "col" })));
  const rows = found.rows.map((row) => {
    const line = node("tr");
    line.append(node("th", row.text, { scope: "row" }), node("td", number(row.gain)),
      node("td", row.part === null ? "–" : `${number(100 * row.part, 0)} %`));
    return line;
  });
  const table = node("table");
  table.append(head, ...rows);
  el("missing").replaceChildren(table);
  el("missing-note").textContent = [t("Worked out on {day}, replaying those days.", { day: found.day }),
    t("The parts do not add up. No forecast knows everything, and a larger battery costs money itself."), found.note].join(" ").trim();
}
