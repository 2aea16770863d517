// The best start for an appliance, in money: what the run adds to the plan's cost, the battery planned around it.
import { request } from "./api.js";
import { asking, field, instantOf, sentBy, valuesOf } from "./forms.js";
import { LEAST_MONEY, node, number, stamp } from "./format.js";
import { state } from "./frame.js";
import { bar, card, scrolled, table } from "./tables.js";
import { t } from "./words.js";

export function applianceCard() {
  const answer = node("div", null, { "aria-live": "polite" });
  const { form, ask } = asking({
    fields: [field({ name: "kw", label: t("Power while it runs [kW]"), min: 0.01, value: 2 }),
      field({ name: "hours", label: t("It runs for [h]"), min: 0.02, max: 24, value: 1.5 }),
      field({ name: "by", label: t("Done by"), type: "datetime-local", hint: t("empty: the last known price") })],
    buttons: [node("button", t("When to start"), { type: "submit", class: "primary" })],
    failed: () => answer.replaceChildren(),
  });
  sentBy(form, () => ask(async ({ signal }) => {
    const asked = valuesOf(form);
    if (asked.by) asked.by = instantOf("by", asked.by, state.zone);
    draw(answer, await request(`/appliance?${new URLSearchParams(asked)}`, { signal }));
  }));
  return card(t("When to run an appliance"), form, answer);
}

function draw(holder, found) {
  if (!found.best) {
    holder.replaceChildren(node("p", t("No start is possible: the fuse and what the battery can add do not allow this power.")));
    return;
  }
  const money = (value) => `${number(value)} ${found.currency}`, at = (moment) => stamp(moment, state.zone);
  const less = found.now ? found.now.price - found.best.price : 0;
  const values = { start: at(found.best.start), price: money(found.best.price), less: money(less) };
  const best = less < LEAST_MONEY ? t("Best start {start}: {price}", values) : t("Best start {start}: {price}, {less} less than now", values);
  const most = Math.max(...found.starts.map((start) => start.price ?? 0));
  const hourly = found.starts.filter((start) => start.start.slice(14, 16) === "00" || start.start === found.best.start);
  const rows = hourly.map((start) => [at(start.start), at(start.end), number(start.price),
    start.price === null ? t("not possible") : bar(0, Math.max(start.price, 0), most)]);
  const all = node("details");
  all.append(node("summary", t("Every hour")), scrolled(table([t("start"), t("end"), t("price [{currency}]", found), ""], rows), t("Starts as a table")));
  holder.replaceChildren(node("p", best, { class: "big" }), all);
}
