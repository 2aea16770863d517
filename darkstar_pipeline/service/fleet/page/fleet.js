// The fleet: its figures, areas, the homes that save least, and the list of homes, a page at a time.
import { request } from "../api.js";
import { ago, el, fill, node, number } from "../format.js";
import { table } from "../tables.js";
import { t } from "../words.js";

const PAGE = 50, TYPING_MS = 300, SHADES = 6;
let pages = [null], matching = 0;  // cursors of the pages so far; the last is the one that is shown
let next = null, asked = 0, skew = 0;  // a service may run at another time (--at)

export const STATES = { planned: t("planned"), stale: t("old plan"), no_plan: t("no plan") };
export const SOURCES = { champion: t("the champion"), value: t("the value function"), self_consumption: t("self-consumption") };
export const linkOf = (site) => node("a", site, { href: `#home=${encodeURIComponent(site)}` });
export const since = (moment) => (moment ? ago(moment, Date.now() + skew) : "–");
const shareOf = (share) => (share === null ? "–" : `${number(100 * share, 0)}\u00a0%`);
const money = (value, currency) => (value === null ? "–" : `${number(value)}\u00a0${currency}`);

export async function showFleet() {
  const summary = await request("/fleet/summary");
  skew = Date.parse(summary.at) - Date.now();
  await showHomes();
  const savings = Object.entries(summary.savings).map(([currency, value]) => money(value, currency));
  const shares = Object.entries(summary.captured_shares).map(([currency, share]) => `${shareOf(share)}\u00a0(${currency})`);
  fill(el("facts"), ...factsOf([
    [t("Homes"), String(summary.homes)], [t("planned"), String(summary.planned)], [t("old plan"), String(summary.stale)],
    [t("no plan"), String(summary.no_plan)], [t("The plans save"), savings],
    [t("Captured of what hindsight saves"), shares],
    [t("Newest plan"), since(summary.newest_plan_at)],
    [t("Planned by"), Object.entries(summary.sources).map(([source, n]) => `${SOURCES[source] ?? source} ${n}`)],
  ]));
  const reasons = { settings: t("wrong settings"), no_price: t("no price"), no_readings: t("no readings"), failed: t("planning failed") };
  const obstacles = {
    unreadable: t("it cannot be opened"), aurora: t("it needs Aurora's scenarios"), demand_charge: t("it does not see the demand charge"),
    failed: t("it failed"), refused: t("its plan was refused"), careless: t("its plan neglects reserve or care"),
  };
  fill(el("notes"),
    ...Object.entries(summary.problems).map(([reason, n]) => node("li", t("Homes without a new plan: {n} ({reason})", { n, reason: reasons[reason] ?? reason }))),
    ...Object.entries(summary.obstacles).map(([reason, n]) => node("li", t("Homes not by their version: {n} ({reason})", { n, reason: obstacles[reason] ?? reason }))));
  drawAreas(summary.areas);
  fill(el("worst"), ...[...new Set(summary.worst.map((home) => home.currency))].map((currency) => worstIn(currency, summary.worst)));
  el("no-homes").hidden = summary.homes > 0;
  for (const id of ["card-areas", "card-homes"]) el(id).hidden = summary.homes === 0;
  el("card-worst").hidden = summary.worst.length === 0;
}

// The homes that save least of one currency, in their order: sums of two currencies have none.
function worstIn(currency, homes) {
  const list = node("ol", null, { "aria-label": currency });
  list.append(...homes.filter((home) => home.currency === currency).map((home) => {
    const item = node("li");
    item.append(linkOf(home.site), ` ${money(home.saving, home.currency)}`);
    return item;
  }));
  return list;
}

export function factsOf(pairs) {
  return pairs.map(([name, value]) => {
    const pair = node("div");
    pair.append(node("dt", name), ...(value.length ? [value].flat() : ["–"]).map((line) => node("dd", line)));
    return pair;
  });
}

// The shade is what a home saves, against the area that saves most.
function drawAreas(areas) {
  const each = areas.map((area) => (area.homes ? area.saving / area.homes : 0));
  fill(el("areas"), ...areas.map((area, index) => {
    const most = Math.max(...each.filter((_, other) => areas[other].currency === area.currency), 0);
    const shade = most > 0 ? Math.max(Math.round(SHADES * each[index] / most), 0) : 0;
    const item = node("li", null, { class: `heat-${shade}` });
    item.append(node("strong", area.area), node("span", t("{planned} of {n} planned", { n: area.homes, planned: area.planned })),
      node("span", t("{money} a home", { money: money(each[index], area.currency) })),
      ...(area.captured_share === null ? [] : [node("span", t("captured {share}", { share: shareOf(area.captured_share) }))]));
    return item;
  }));
  const known = new Set([...el("area").options].map((option) => option.value));
  for (const { area } of areas) if (!known.has(area)) el("area").append(node("option", area, { value: area })), known.add(area);
}

async function showHomes() {
  const number = asked += 1;
  const query = new URLSearchParams({ limit: PAGE, order: el("order").value });
  for (const name of ["like", "area", "state"]) if (el(name).value) query.set(name, el(name).value);
  if (pages.at(-1)) query.set("cursor", pages.at(-1));
  const page = await request(`/sites?${query}`).catch((error) => {
    if (error.code !== "usage" || pages.length === 1) throw error;
    pages = [null];  // the order is no longer kept: the list begins anew
    return null;
  });
  if (page === null) return showHomes();
  if (number !== asked) return;  // another page was asked for meanwhile
  ({ next, matching } = page);
  const names = [t("home"), t("state"), t("saves"), t("captured"), t("plan made"), t("area"), t("tariff"), t("capacity [kWh]")];
  const rows = page.homes.map((home) => [linkOf(home.site), stateOf(home), money(home.saving, home.currency),
    shareOf(home.captured_share), since(home.created_at), home.area, home.tariff ?? "–", numberOr(home.capacity_kwh)]);
  fill(el("homes"), table(names, rows));
  const first = (pages.length - 1) * PAGE;
  el("matching").textContent = matching ? t("{first} to {last} of {n}", { first: first + 1, last: first + page.homes.length, n: matching }) : t("no such home");
  el("before").disabled = pages.length < 2;
  el("after").disabled = next === null;
  return undefined;
}

const numberOr = (value) => (value === null ? "–" : number(value, 1));

export function stateOf(home) {
  return node("span", STATES[home.state], { class: `state-${home.state}`, title: home.why });
}

export function listen(attempt) {
  let typing;
  const again = () => {
    pages = [null];
    attempt(showHomes);
  };
  el("choice").addEventListener("submit", (event) => event.preventDefault());
  el("like").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(again, TYPING_MS);
  });
  for (const name of ["area", "state", "order"]) el(name).addEventListener("change", again);
  el("after").addEventListener("click", () => {
    if (next !== null) pages.push(next);
    attempt(showHomes);
  });
  el("before").addEventListener("click", () => {
    if (pages.length > 1) pages.pop();
    attempt(showHomes);
  });
}
