// A month: its costs beside other ways of running the home, its peaks so far, and what a new one would cost.
import { request } from "./api.js";
import { field } from "./forms.js";
import { localDay, node, number, stamp } from "./format.js";
import { attempt, now, state } from "./frame.js";
import { bar, card, scrolled, table } from "./tables.js";
import { t } from "./words.js";

let month, costs, peaks, links;

export function monthCard() {
  month = field({ name: "month", label: t("Month"), type: "month", pattern: "\\d{4}-\\d{2}", placeholder: "2026-01" }).querySelector("input");
  month.addEventListener("change", () => attempt(drawMonth));
  costs = node("div", null, { "aria-live": "polite" });
  peaks = node("div");
  links = node("p");
  return card(t("The month"), month.parentElement, costs, links, node("h3", t("Peaks of the month")), peaks);
}

export async function drawMonth() {
  month.value ||= localDay(now(), state.zone).slice(0, 7);
  const query = `?month=${encodeURIComponent(month.value)}`;
  const [report, found] = await Promise.all([told(request(`/report${query}`)), told(request(`/peaks${query}`))]);
  links.hidden = report instanceof Error;
  links.replaceChildren(...[[t("The whole report as a page"), "report/page"], [t("as PDF"), "report/pdf"]].flatMap(([words, path]) => [
    node("a", words, { href: `${path}${query}`, target: "_blank", rel: "noopener" }), document.createTextNode(" ")]));
  if (report instanceof Error) costs.replaceChildren(node("p", report.message, { class: "note" }));
  else drawCosts(report);
  if (found instanceof Error) peaks.replaceChildren(node("p", found.message, { class: "note" }));
  else drawPeaks(found);
}

// What cannot be had of a month is said in its place; without a session, or without the service, it is told above the view.
async function told(asked) {
  try {
    return await asked;
  } catch (error) {
    if (error.status === 401 || error.status === 0) throw error;
    return error;
  }
}

function drawCosts(report) {
  const words = { actual: t("as it was"), no_sun: t("no panels, no battery"), idle: t("battery not used"),
    self_consumption: t("battery for own use only"), oracle: t("perfect hindsight") };
  const actual = report.costs.actual, money = (value) => `${number(value)} ${report.currency}`;
  const saved = actual === null || report.costs.idle === null ? null : report.costs.idle - actual;
  const share = report.captured_share === null ? "–" : number(100 * report.captured_share, 0);
  const values = { money: money(Math.abs(saved ?? 0)), days: report.days.length, share };
  const headline = saved === null ? t("What the battery saved is not known: grid meters and state of charge were not read.")
    : saved >= 0 ? t("The battery saved {money} on {days} days, {share} % of what was possible.", values)
      : t("The battery cost {money} on {days} days.", values);
  const most = Math.max(...Object.values(report.costs).map((cost) => cost ?? 0));
  const rows = Object.entries(words).map(([way, name]) => [name, number(report.costs[way]),
    bar(0, Math.max(report.costs[way] ?? 0, 0), most), way === "actual" || actual === null ? "–" : number(report.costs[way] - actual)]);
  const notes = [];
  if (report.left_out.length) {
    const days = node("details");
    days.append(node("summary", report.left_out.length === 1 ? t("1 day is not in the costs") : t("{n} days are not in the costs", { n: report.left_out.length })),
      ...report.left_out.map((row) => node("p", `${row.day}: ${row.reason}`, { class: "quiet" })));
    notes.push(days);
  }
  costs.replaceChildren(node("p", headline, { class: "big" }),
    scrolled(table([t("way"), t("cost [{currency}]", report), "", t("saved against it")], rows), t("Costs of the month as a table")), ...notes);
}

function drawPeaks(found) {
  if (!found.charges.length) {
    peaks.replaceChildren(node("p", t("The grid tariff has no charge for power in this month."), { class: "quiet" }));
    return;
  }
  const currency = state.plan?.currency ?? "";
  peaks.replaceChildren(...found.charges.flatMap((charge) => {
    const values = { n: charge.top, minutes: charge.minutes, cost: `${number(charge.cost)} ${currency}`, level: number(charge.level_kw),
      next: number(charge.next_kw), more: `${number(charge.next_kw_cost)} ${currency}` };
    const about = charge.top === 1 ? t("{cost} so far for the highest mean of {minutes} minutes.", values)
      : t("{cost} so far for the mean of the {n} highest means of {minutes} minutes.", values);
    const next = charge.level_kw > 0 ? t("Up to {level} kW a new peak costs nothing; one of {next} kW would add {more}.", values)
      : t("A peak of {next} kW would add {more}.", values);
    const rows = charge.peaks.map((peak) => [stamp(peak.start, state.zone), `${number(peak.kw)} kW`]);
    return [node("p", about, { class: "big" }), node("p", next), rows.length ? scrolled(table([t("when"), t("power")], rows), t("Peaks as a table"))
      : node("p", t("Nothing that counts was imported yet."), { class: "quiet" })];
  }), ...(found.unread_slots ? [node("p", t("Import is not known in {n} slots; they count as none.", { n: found.unread_slots }), { class: "note" })] : []),
  ...(found.note ? [node("p", t("Assumed: {note}", { note: found.note }), { class: "note" })] : []));
}
