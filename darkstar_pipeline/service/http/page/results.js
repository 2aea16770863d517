// Answers of what-ifs: two cases side by side, export scenarios, grids of sizes; relaxed economics are marked at each.
import { figure, LEAST_MONEY, node, number, stamp } from "./format.js";
import { state } from "./frame.js";
import { Chart, legend } from "./timeline/chart.js";
import { gridPower, named, spanOf } from "./timeline/rows.js";
import { bar, scrolled, table } from "./tables.js";
import { t } from "./words.js";

const HEATS = 6;

// What makes a plan, or runs the battery in a replay, in words.
export function sourceWords(name) {
  const words = {
    plan: t("plan"), champion: t("the champion"), value: t("the value function"), mpc: t("the optimiser"), oracle: t("perfect hindsight"),
    self_consumption: t("self-consumption"), idle: t("an unused battery"), last_plan: t("the last plan"),
  };
  return words[name] ?? name;
}

const MONEY = () => [
  ["cost", t("cost")], ["energy", t("– energy")], ["wear", t("– wear")], ["demand_charge", t("– demand charge")],
  ["settlement", t("– left in the battery")], ["saving", t("saving against an unused battery")],
];
const MOVED = () => [
  ["import_kwh", t("import"), "kWh"], ["export_kwh", t("export"), "kWh"], ["charge_kwh", t("charge"), "kWh"],
  ["discharge_kwh", t("discharge"), "kWh"], ["curtailed_kwh", t("curtailed"), "kWh"], ["cycles", t("full cycles"), ""],
  ["peak_kw", t("highest import"), "kW"],
];

// What was changed, what of it is doubtful, and which days are missing.
export function drawCase(holder, found) {
  const parts = [];
  const mark = relaxedMark(found);
  if (mark) parts.push(node("p", mark, { class: "problem" }));
  if (found.changes.length) {
    const list = node("ul", null, { class: "changed" });
    list.append(...found.changes.map((row) => node("li", row.before === null ? `${row.setting}: ${shown(row.after)}`
      : `${row.setting}: ${shown(row.before)} → ${shown(row.after)}`)));
    parts.push(list);
  } else if (!mark && !found.sizes) {
    parts.push(node("p", t("Nothing is changed: both cases are the site as it is."), { class: "quiet" }));
  }
  parts.push(...[...found.doubts, ...found.assumptions ?? []].map((told) => node("p", told, { class: "note" })));
  if (found.left_out?.length) {
    const days = node("details");
    days.append(node("summary", found.left_out.length === 1 ? t("1 day is left out") : t("{n} days are left out", { n: found.left_out.length })),
      ...found.left_out.map((row) => node("p", `${row.day}: ${row.reasons}`, { class: "quiet" })));
    parts.push(days);
  }
  holder.append(...parts);
}

const shown = (value) => (typeof value === "object" && value !== null ? JSON.stringify(value) : String(value));

const relaxedMark = (found) => (found.relaxed.length
  ? t("Relaxed economics, not the home's own: {what}", { what: found.relaxed.join(", ") }) : "");

export function drawComparison(holder, found, figures) {
  const money = MONEY().map(([key, words]) => [key, words, found.currency]);
  const rows = [...money, ...MOVED()].filter(([key]) => figures.difference[key] !== null)
    .map(([key, words, unit]) => [unit ? `${words} [${unit}]` : words, number(figures.site[key]), number(figures.changed[key]), signed(figures.difference[key])]);
  const names = [sourceWords(figures.policy), t("as it is"), t("what if"), t("difference")];
  holder.append(scrolled(table(names, rows, { caption: relaxedMark(found) }), t("Two cases side by side")));
  if (figures.own_cost !== null) {
    holder.append(node("p", t("At the home's own economics what it then does costs {cost}.", { cost: `${number(figures.own_cost)} ${found.currency}` })));
  }
}

const signed = (value) => (value > LEAST_MONEY ? `+${number(value)}` : number(Math.abs(value) < LEAST_MONEY ? 0 : value));

export function drawPlans(holder, found) {
  const { site, changed } = found.plans;
  const by = { site: sourceWords(site.source), changed: sourceWords(changed.source) };
  holder.append(node("p", found.basis === "plan" ? t("As it is: made by {site}; what if: by {changed}.", by)
    : t("{day} replayed on its readings.", { day: found.day }), { class: "quiet" }));
  const chart = node("div", null, { class: "chart" }), key = node("ul", null, { class: "legend" });
  holder.append(chart, key);
  const ofSite = (index) => site.slots[index] ?? null;
  const rows = named(changed.slots.map((slot, index) => ({
    ...spanOf(slot), import_price: slot.import_price, soc: 100 * slot.soc_end_kwh / changed.capacity_kwh,
    target: ofSite(index) && 100 * ofSite(index).soc_end_kwh / site.capacity_kwh,
    grid: gridPower(slot), planned_grid: ofSite(index) && gridPower(ofSite(index)),
  })), state.zone);
  const panels = [
    { title: t("Price"), unit: `${found.currency}/kWh`, height: 80, lines: [{ key: "import_price" }] },
    { title: t("Stored energy"), unit: "%", height: 100, range: [0, 100], lines: [{ key: "target" }, { key: "soc" }] },
    { title: t("Grid"), unit: "kW", height: 100, lines: [{ key: "planned_grid" }, { key: "grid" }] },
  ];
  new Chart(chart, rows, state.zone, panels, { width: chart.clientWidth });
  legend(key, rows, [["s-soc", "soc", t("stored energy, what if")], ["s-target", "target", t("stored energy, as it is")],
    ["s-grid", "grid", t("grid, what if")], ["s-planned_grid", "planned_grid", t("grid, as it is")]]);
}

export function drawExport(holder, found) {
  const dearest = found.slots.map((slot) => `${stamp(slot.slot_start, state.zone)} (${number(slot.export_price)})`).join(", ");
  holder.append(node("p", t("Sold in: {slots}.", { slots: dearest })),
    node("p", t("Without a target {sold} kWh are sold there, for {cost} over the whole horizon; net is against it.", {
      sold: number(found.baseline_kwh), cost: `${number(found.baseline.cost)} ${found.currency}` }), { class: "quiet" }));
  for (const note of found.notes ?? []) holder.append(node("p", note, { class: "note" }));
  const most = Math.max(...found.scenarios.flatMap((each) => [each.target_kwh, each.realised_kwh]));
  const rows = found.scenarios.map((each) => [
    `${number(each.target_kwh)}`, number(each.realised_kwh), bar(each.target_kwh, each.realised_kwh, most), number(each.income), signed(each.net),
    `${number(each.figures.import_kwh)}`, number(each.figures.cycles),
  ]);
  const names = [t("target [kWh]"), t("sold [kWh]"), t("sold of the target"), t("income [{currency}]", found), t("net [{currency}]", found),
    t("import [kWh]"), t("full cycles")];
  holder.append(scrolled(table(names, rows, { caption: relaxedMark(found) }), t("Export scenarios")));
}

export function drawSizes(holder, found) {
  const yearly = found.year_factor !== null, paid = found.sizes.some((size) => size.payback_years !== null);
  const best = found.best;
  const size = best.pv_scale === 1 ? t("{capacity} kWh, {power} kW", { capacity: figure(best.capacity_kwh), power: figure(best.power_kw) })
    : t("{capacity} kWh, {power} kW, panels × {scale}", { capacity: figure(best.capacity_kwh), power: figure(best.power_kw), scale: figure(best.pv_scale) });
  const span = { days: found.days, from: found.from, to: found.to, area: found.area, cost: `${number(found.idle_cost)} ${found.currency}` };
  holder.append(node("p", paid ? t("Paid back soonest: {size}", { size }) : t("Saves most: {size}", { size }), { class: "big" }),
    node("p", t("{days} days from {from} to {to}, {area}, against {cost} without a battery.", span), { class: "quiet" }));
  if (!yearly) holder.append(node("p", t("These days are no year: savings are of these days, and no payback is given."), { class: "note" }));
  for (const note of found.notes) holder.append(node("p", note, { class: "note" }));
  const saved = yearly ? t("lower bills a year [{currency}]", found) : t("lower bills on these days [{currency}]", found);
  const scales = [...new Set(found.sizes.map((each) => each.pv_scale))];
  for (const scale of scales) {
    const own = found.sizes.filter((each) => each.pv_scale === scale);
    const told = (caption) => (scales.length > 1 || scale !== 1 ? t("{what}, panels × {scale}", { what: caption, scale: figure(scale) }) : caption);
    holder.append(heat(found, own, (each) => (yearly ? each.yearly_bill_saving : each.bill_saving), told(saved), 1));
    if (paid) holder.append(heat(found, own, (each) => each.payback_years, told(t("years until the price is paid back")), -1));
  }
  const names = ["kWh", "kW", ...(scales.length > 1 ? [t("panels")] : []), saved, t("less wear [{currency}]", found), t("full cycles"),
    t("price [{currency}]", found), t("payback [years]")];
  const rows = found.sizes.map((each) => [figure(each.capacity_kwh), figure(each.power_kw), ...(scales.length > 1 ? [figure(each.pv_scale)] : []),
    number(yearly ? each.yearly_bill_saving : each.bill_saving, 0), number(yearly ? each.yearly_saving : each.saving, 0),
    number(each.figures.cycles, 0), number(each.price, 0), number(each.payback_years, 1)]);
  const all = node("details");
  all.append(node("summary", t("Show as a table")), scrolled(table(names, rows), t("Sizes as a table")));
  holder.append(all);
}

// A map of capacity and power: the darker a cell the better; `better` is 1 where more is, -1 where less is.
function heat(found, sizes, value, caption, better) {
  const capacities = [...new Set(sizes.map((each) => each.capacity_kwh))].sort((a, b) => a - b);
  const powers = [...new Set(sizes.map((each) => each.power_kw))].sort((a, b) => a - b);
  const known = sizes.map(value).filter((each) => each !== null);
  const low = Math.min(...known), high = Math.max(...known);
  const digits = Math.max(Math.abs(low), Math.abs(high)) >= 100 ? 0 : 1;
  const rows = powers.map((power) => [t("{power} kW", { power: figure(power) }), ...capacities.map((capacity) => {
    const each = sizes.find((candidate) => candidate.capacity_kwh === capacity && candidate.power_kw === power);
    const is = value(each);
    const share = is === null || high <= low ? 0 : better > 0 ? (is - low) / (high - low) : (high - is) / (high - low);
    const chosen = ["capacity_kwh", "power_kw", "pv_scale"].every((name) => each[name] === found.best[name]);
    return node("span", chosen ? `${number(is, digits)} ★` : number(is, digits), { class: `heat heat-${Math.round(share * HEATS)}` });
  })]);
  const made = table([t("power, capacity"), ...capacities.map((capacity) => t("{capacity} kWh", { capacity: figure(capacity) }))], rows,
    { caption: [caption, relaxedMark(found)].filter(Boolean).join(" · ") });
  made.classList.add("heats");
  return scrolled(made, caption);
}
