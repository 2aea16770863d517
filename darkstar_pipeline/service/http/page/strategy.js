// The strategy engine: what it did to the plan in force, and what each of its adjustments would have earned here.
import { asking, field, sentBy, valuesOf } from "./forms.js";
import { DAY_MS, fill, localDay, node, number } from "./format.js";
import { now, state } from "./frame.js";
import { card, scrolled, table } from "./tables.js";
import { background, isUnderWay } from "./working.js";
import { t } from "./words.js";

const EFFECTS = "/strategy/effects";
let remarks;

export function strategyCard() {
  remarks = node("div");
  const answer = node("div", null, { "aria-live": "polite" });
  const { form, ask } = asking({
    fields: [field({ name: "first", label: t("First day"), type: "date", required: "", value: localDay(now() - 31 * DAY_MS, state.zone) }),
      field({ name: "last", label: t("Last day"), type: "date", required: "", value: localDay(now() - DAY_MS, state.zone) })],
    buttons: [node("button", t("What each would have earned"), { type: "submit" })],
  });
  const run = (body) => ask(async (how) => draw(answer, await background(EFFECTS, body, how)));
  sentBy(form, () => run(valuesOf(form)));
  if (isUnderWay(EFFECTS)) run(null);
  return card(t("Strategy"), remarks, form, answer);
}

export function drawStrategy() {
  const made = state.plan.strategy ?? [];
  fill(remarks, ...(made.length ? made.map((remark) => node("p", remark, { class: "note" }))
    : [node("p", t("Nothing is adjusted in the plan in force."), { class: "quiet" })]));
}

function draw(holder, found) {
  const verdicts = { earned: t("earned"), lost: t("lost"), "not told apart": t("not told apart") };
  const rows = found.adjustments.map((each) => [each.name === "those that are on" ? t("those that are on") : each.name, number(each.saved),
    each.low === null ? "–" : t("{low} to {high}", { low: number(each.low), high: number(each.high) }), verdicts[each.verdict] ?? each.verdict,
    each.on ? t("yes") : t("no")]);
  holder.replaceChildren(scrolled(table([t("adjustment"), t("saved [{currency}]", found), t("95 % interval"), t("verdict"), t("on")], rows,
    { caption: t("{days} days from {from} to {to}, against plans without adjustments", found) }), t("Effects of adjustments")));
}
