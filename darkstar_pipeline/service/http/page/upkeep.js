// Upkeep: what is learned slowly and its reset, a retrain, caches. Each asks before it does something, and says what it did.
import { request } from "./api.js";
import { DAY_MS, el, localDay, node, number } from "./format.js";
import { attempt, now, state } from "./frame.js";
import { card, scrolled, table } from "./tables.js";
import { background, isUnderWay, Working } from "./working.js";
import { t } from "./words.js";

const RETRAIN = "/retrain", KIB = 1024;
let learned, cached, cards;

export function upkeepCards() {
  cards ??= [learningCard(), retrainCard(), cachesCard()];
  return cards;
}

export async function drawUpkeep() {
  drawLearning(await request("/learning"));
  drawCaches(await request("/caches"));
}

// Ask with the page's own dialog; `needsReason` shows its field. Gives the reason, or null where it was left.
function ask(title, warning, yes, needsReason = false) {
  const dialog = el("confirm"), reason = el("confirm-reason"), label = dialog.querySelector("label[for='confirm-reason']");
  el("confirm-title").textContent = title;
  el("confirm-warning").textContent = warning;
  el("confirm-warning").hidden = !warning;
  el("confirm-yes").textContent = yes;
  reason.value = "";
  reason.disabled = reason.hidden = label.hidden = !needsReason;
  dialog.returnValue = "";
  return new Promise((answer) => {
    dialog.onclose = () => {
      const given = reason.value;
      reason.disabled = reason.hidden = label.hidden = false;
      answer(dialog.returnValue === "yes" ? given : null);
    };
    dialog.showModal();
  });
}

function learningCard() {
  learned = node("div");
  const said = node("p", "", { role: "status" });
  const buttons = node("div", null, { class: "go" });
  const reset = (words, title, body) => {
    const button = node("button", words, { type: "button" });
    button.addEventListener("click", () => attempt(async () => {
      if (await ask(title, t("Readings and history stay; learning goes on tomorrow."), words) === null) return;
      const done = await request("/learning/reset", { method: "POST", body: body() });
      said.textContent = done.changed.length
        ? t("Taken back: {names}.", { names: done.changed.map((each) => `${named(each.name)} ${number(each.old_value, 3)} → ${number(each.new_value, 3)}`).join(", ") })
        : t("Nothing to take back.");
      drawLearning(await request("/learning"));
    }));
    return button;
  };
  buttons.append(
    reset(t("Take back today's"), t("Take back what was learned today?"), () => ({ to: localDay(now() - DAY_MS, state.zone) })),
    reset(t("Reset what was learned"), t("Return everything that was learned to the settings?"), () => ({})));
  return card(t("What is learned slowly"), learned, buttons, said);
}

// What drifts, and what is kept to save time, in words.
const QUANTITIES = {
  load_night: t("load at night"), load_morning: t("load in the morning"), load_day: t("load by day"), load_evening: t("load in the evening"),
  pv_morning: t("sun in the morning"), pv_midday: t("sun at midday"), pv_afternoon: t("sun in the afternoon"),
  round_trip_efficiency: t("round trip of the battery"), capacity_kwh: t("capacity"), s_share: t("margin of the S-index"),
};
const CACHES = { "answers of sources": t("answers of sources"), "temporary files": t("temporary files") };

const named = (quantity) => QUANTITIES[quantity] ?? quantity;

function drawLearning(found) {
  const range = (row) => t("{low} to {high}", { low: number(row.least), high: number(row.most) });
  const rows = found.quantities.map((row) => [named(row.name) + (row.unit ? ` [${row.unit}]` : ""), number(row.value, 3), number(row.configured, 3),
    number(row.shown, 3), range(row), row.used ? t("yes") : t("no")]);
  const steps = found.history.filter((step) => step.old_value !== step.new_value).reverse();
  const history = node("details");
  history.append(node("summary", steps.length === 1 ? t("1 change in 30 days") : t("{n} changes in 30 days", { n: steps.length })),
    scrolled(table([t("day"), t("quantity"), t("from"), t("to"), t("cause")],
      steps.map((step) => [step.local_day, named(step.quantity), number(step.old_value, 3), number(step.new_value, 3), step.cause])), t("History of learning")));
  learned.replaceChildren(scrolled(table([t("quantity"), t("value"), t("set"), t("readings show"), t("range"), t("used")], rows),
    t("What is learned, as a table")), history);
}

function retrainCard() {
  const go = node("button", t("Train everything again"), { type: "button" }), buttons = node("div", null, { class: "go" });
  const said = node("div", null, { role: "status" });
  buttons.append(go);
  const working = new Working(go);
  const run = (body) => attempt(() => working.run(async (how) => {
    said.replaceChildren();
    const done = await background(RETRAIN, body, how);
    const status = { too_little: t("There are too few days to train on."), kept: t("The version in use is kept."), promoted: t("The new version is in use.") };
    said.replaceChildren(node("p", status[done.status] ?? done.status),
      ...[...done.reasons, ...done.warnings].map((line) => node("p", line, { class: "note" })));
  }));
  go.addEventListener("click", async () => {
    const why = await ask(t("Train everything again?"), t("It takes long and much of the processor. A version comes into use only if it is better."), t("Train"), true);
    if (why) run({ why });
  });
  if (isUnderWay(RETRAIN)) run(null);
  return card(t("Training"), node("p", t("Forecasts and policies are trained every week. Here it is done at once, whatever was trained before."), { class: "quiet" }), buttons, said);
}

function cachesCard() {
  cached = node("div");
  const said = node("p", "", { role: "status" });
  const clear = node("button", t("Empty the caches"), { type: "button" });
  clear.addEventListener("click", () => attempt(async () => {
    if (await ask(t("Empty the caches?"), t("They are built again by themselves; the next fetch takes longer."), t("Empty them")) === null) return;
    const done = await request("/caches/clear", { method: "POST" });
    const problems = done.caches.filter((each) => each.problem).map((each) => `${CACHES[each.name] ?? each.name}: ${each.problem}`);
    said.textContent = [t("{size} KiB were freed.", { size: number(done.bytes / KIB, 1) }), ...problems].join(" ");
    drawCaches(await request("/caches"));
  }));
  const buttons = node("div", null, { class: "go" });
  buttons.append(clear);
  return card(t("Caches"), cached, buttons, said);
}

function drawCaches(found) {
  cached.replaceChildren(scrolled(table([t("cache"), t("size"), t("built again")],
    found.caches.map((each) => [CACHES[each.name] ?? each.name, `${number(each.size / KIB, 1)} KiB`, each.rebuilt])), t("Caches as a table")));
}
