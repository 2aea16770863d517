// What if: another battery, tariff, area or house on paper, beside the site as it is. The plan in force stays as it is.
import { request } from "../api.js";
import { changesFields, readChanges } from "../changes.js";
import { DAY_MS, localDay, node } from "../format.js";
import { field, forgetErrors, group, numbersOf, sentBy, tellErrors, valuesOf } from "../forms.js";
import { now, state } from "../frame.js";
import { drawCase, drawComparison, drawExport, drawPlans, drawSizes, sourceWords } from "../results.js";
import { card } from "../tables.js";
import { background, isUnderWay, Working } from "../working.js";
import { t } from "../words.js";

const SIZING = "/whatif/sizing";
const POLICIES = () => ["value", "self_consumption", "mpc", "oracle", "idle"].map((name) => [name, sourceWords(name)]);
let kind = "plan", kinds, form, working, result, problem;

// What is asked: its fields, what it sends, and how its answer is drawn.
const QUESTIONS = () => ({
  plan: {
    title: t("Plan a day"),
    about: t("A past day is planned from its midnight with what was known then, today and tomorrow from now on."),
    fields: [
      field({ name: "day", label: t("Day"), type: "date", hint: t("empty: from now on") }),
      field({ name: "soc_percent", label: t("State of charge at the start [%]"), min: 0, max: 100, hint: t("empty: as read") }),
      field({ name: "policy", label: t("Planned by"), options: [["", t("what the service plans with")], ...POLICIES()],
        hint: t("a policy replays a past day on its readings") }),
    ],
    ask: (body, { signal }) => request("/whatif/plan", { method: "POST", body, signal }),
    draw: (holder, found) => {
      drawComparison(holder, found, found.figures);
      drawPlans(holder, found);
    },
  },
  replay: {
    title: t("Replay days"),
    about: t("Every day is replayed slot by slot on what was known then, at most 400 days."),
    fields: [
      field({ name: "first", label: t("First day"), type: "date", required: "" }),
      field({ name: "last", label: t("Last day"), type: "date", required: "" }),
      field({ name: "policies", label: t("Run by"), options: POLICIES() }),
      field({ name: "continuous", label: t("Carry stored energy over midnight"), type: "checkbox" }),
    ],
    ask: ({ policies, ...body }, { signal }) => request("/whatif/replay", { method: "POST", body: { ...body, policies: [policies] }, signal }),
    draw: (holder, found) => {
      holder.append(node("p", t("{days} days from {from} to {to}", found), { class: "quiet" }));
      for (const comparison of found.policies) drawComparison(holder, found, comparison);
    },
  },
  export: {
    title: t("Sell more"),
    about: t("Ever more is sold in the slots with the highest export price; net is what that earns or costs over the whole horizon."),
    fields: [
      field({ name: "day", label: t("Day"), type: "date", hint: t("empty: from now on") }),
      field({ name: "n_slots", label: t("Number of dearest slots"), min: 1, max: 96, step: 1, value: 4 }),
      field({ name: "sell_kwh", label: t("Energies to sell [kWh]"), type: "text", placeholder: "2, 4, 8", hint: t("empty: six steps to full power") }),
      field({ name: "soc_percent", label: t("State of charge at the start [%]"), min: 0, max: 100, hint: t("empty: as read") }),
      field({ name: "hindsight", label: t("Know the readings of a past day"), type: "checkbox" }),
    ],
    ask: (body, { signal }) => {
      if (body.sell_kwh) body.sell_kwh = numbersOf("sell_kwh", body.sell_kwh);
      return request("/whatif/export", { method: "POST", body, signal });
    },
    draw: drawExport,
  },
  sizing: {
    title: t("Size a battery"),
    about: t("Every size runs through the same days; savings are against the house without a battery. It takes minutes, and goes on when you leave the page."),
    fields: [
      field({ name: "capacities_kwh", label: t("Capacities [kWh]"), type: "text", required: "", value: "5, 10, 15, 20" }),
      field({ name: "powers_kw", label: t("Powers [kW]"), type: "text", required: "", value: "3, 5, 10" }),
      field({ name: "pv_scales", label: t("Panels, times"), type: "text", value: "1", hint: t("such as 1, 1.5, 2") }),
      field({ name: "first", label: t("First day"), type: "date", hint: t("empty: a year back") }),
      field({ name: "last", label: t("Last day"), type: "date", hint: t("empty: the last graded day") }),
      field({ name: "cost_fixed", label: t("Price of any battery"), min: 0 }),
      field({ name: "cost_per_kwh", label: t("Price of a kWh of capacity"), min: 0 }),
      field({ name: "cost_per_kw", label: t("Price of a kW of power"), min: 0 }),
      field({ name: "cost_per_kwp", label: t("Price of a kWp of panels"), min: 0 }),
      field({ name: "panels_kwp", label: t("Panels there are [kWp]"), min: 0 }),
      field({ name: "per_year", label: t("Take the days for a whole year"), type: "checkbox" }),
    ],
    ask: (body, how) => {
      if (body === null) return background(SIZING, null, how);
      const lists = Object.fromEntries(["capacities_kwh", "powers_kw", "pv_scales"].filter((name) => name in body)
        .map((name) => [name, numbersOf(name, body[name])]));
      return background(SIZING, { ...body, ...lists }, how);
    },
    draw: drawSizes,
  },
});
let questions;

function build(section) {
  questions = QUESTIONS();
  kinds = node("div", null, { class: "kinds", role: "group", "aria-label": t("What to work out") });
  form = node("form", null, { class: "fields", novalidate: "" });
  problem = node("p", "", { class: "problem", role: "alert", hidden: "" });
  const go = node("button", t("Work it out"), { type: "submit", class: "primary" });
  const buttons = node("div", null, { class: "go" });
  buttons.append(go);
  const change = node("details", null, { open: "" });
  change.append(node("summary", t("Changes")), changesFields());
  for (const [name, question] of Object.entries(questions)) {
    const button = node("button", question.title, { type: "button", "data-kind": name });
    button.addEventListener("click", () => choose(name));
    kinds.append(button);
    const own = group(question.title, node("p", question.about, { class: "quiet" }), ...question.fields);
    own.dataset.question = name;
    form.append(own);
  }
  form.append(change, problem, buttons);
  result = node("section", null, { class: "card", tabindex: "-1", "aria-label": t("Result"), hidden: "" });
  section.append(card(t("What if"),
    node("p", t("Worked out on paper beside the site as it is: nothing is stored, and the plan in force and the battery stay as they are."), { class: "safe" }),
    kinds, form), result);
  working = new Working(go);
  sentBy(form, submit);
  const yesterday = localDay(now() - DAY_MS, state.zone), month = localDay(now() - 30 * DAY_MS, state.zone);
  form.querySelector('[data-question="replay"] [name="first"]').value = month;
  form.querySelector('[data-question="replay"] [name="last"]').value = yesterday;
  choose(kind);
  if (isUnderWay(SIZING)) {
    choose("sizing");
    run("sizing", null);
  }
}

function choose(name) {
  kind = name;
  for (const button of kinds.children) button.setAttribute("aria-pressed", String(button.dataset.kind === name));
  for (const own of form.querySelectorAll("[data-question]")) own.hidden = own.dataset.question !== name;
  forgetErrors(form);
  problem.hidden = true;
}

function submit() {
  if (working.busy) return;
  forgetErrors(form);
  problem.hidden = true;
  let body;
  try {
    body = { ...valuesOf(form.querySelector(`[data-question="${kind}"]`)), ...readChanges(form.querySelector(".changes")) };
  } catch (error) {
    tellErrors(form, problem, error);
    return;
  }
  run(kind, body);
}

async function run(name, body) {
  const question = questions[name];
  let found;
  result.hidden = true;  // an answer to another question is none to this one
  try {
    const done = await working.run(async (how) => { found = await question.ask(body, how); });
    if (!done) {
      if (name !== "sizing") {
        problem.textContent = t("Cancelled. The service still ends what it began, within two minutes, and works out nothing else on paper meanwhile.");
        problem.hidden = false;
      }
      return;
    }
  } catch (error) {
    tellErrors(form, problem, error);
    return;
  }
  result.replaceChildren(node("h2", question.title));
  result.hidden = false;
  drawCase(result, found);
  question.draw(result, found);
  result.focus();
}

export const view = { name: "whatif", title: t("What if"), build };
