// Blocks by hand on the timeline: hours are chosen, get a price, and are accepted or dropped.
import { request } from "../api.js";
import { forgetErrors, tellErrors, valuesOf } from "../forms.js";
import { clock, el, fill, LEAST_MONEY, node, number, sentenceCase, SLOT_MS, stamp, weekday } from "../format.js";
import { attempt, now, replan, state } from "../frame.js";
import { t } from "../words.js";
import { timeline } from "./plan_timeline.js";

export const MODES = {
  charge: t("Charge"), discharge: t("Cover the house"), export: t("Export from the battery"), hold: t("Keep the battery as it is"),
  self_consumption: t("Self-consumption"), heat_water: t("Heat water"), charge_car: t("Charge the car"),
  vacation: t("Vacation"), reserve: t("Keep energy for outages"),
};
const LOADS = { heat_water: "water", charge_car: "ev" }, POWERED = ["charge", "discharge", "export"];
let chosen = null, shown = null;

export function listenByHand() {
  const chart = el("chart"), form = el("hand-form");
  el("hand-choose").addEventListener("click", () => painting(!timeline.choosing));
  chart.addEventListener("slotrange", ({ detail }) => detail.done && choose(detail));
  chart.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !chosen) return;
    event.preventDefault();
    el("hand-mode").focus();
  });
  form.addEventListener("input", () => forget());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask(false);
  });
  form.addEventListener("keydown", (event) => event.key === "Escape" && drop());
  el("hand-replace").addEventListener("click", () => ask(true));
  for (const id of ["hand-drop", "hand-drop-answer"]) el(id).addEventListener("click", drop);
  el("hand-accept").addEventListener("click", () => attempt(async () => {
    try {
      await request("/overrides/accept", { method: "POST", body: { preview: shown.id } });
    } catch (error) {
      if (error.code === "stale") return askAnew();
      forget();
      return tellErrors(form, el("hand-problem"), error);
    }
    drop();
    return replan();
  }));
}

function painting(on) {
  timeline.choosing = on;
  el("hand-choose").setAttribute("aria-pressed", String(on));
  el("hand-help").hidden = !on;
  el("chart").classList.toggle("painting", on);  // then a finger that moves sideways paints
}

// The block that is asked for never begins in the past.
function choose({ from, until }) {
  const begin = from && Math.max(from, Math.floor(now() / SLOT_MS) * SLOT_MS);
  chosen = from && until > begin ? { start: new Date(begin), until } : null;
  forget();
  el("hand-form").hidden = !chosen;
  if (!chosen) return;
  el("hand-when").textContent = spanOf(chosen);
  limitHand();
}

const spanOf = ({ start, until }) => `${weekday(start, state.zone)} ${clock(start, state.zone)}–${clock(until, state.zone)}`;

// Loads that the home does not have are not offered, nor more power than the battery has.
export function limitHand() {
  const { plan } = state, mode = el("hand-mode").value, power = el("hand-power");
  const loads = (plan?.loads ?? []).map((load) => load.name);
  for (const option of el("hand-mode").options) option.hidden = option.disabled = option.value in LOADS && !loads.includes(LOADS[option.value]);
  power.disabled = el("hand-target").disabled = !POWERED.includes(mode);
  power.max = (mode === "charge" ? plan?.max_charge_kw : plan?.max_discharge_kw) ?? "";
}

function forget() {
  shown = null;
  forgetErrors(el("hand-form"));
  el("hand-answer").hidden = el("hand-problem").hidden = el("hand-replace").hidden = true;
  limitHand();
}

function drop() {
  timeline.choose(null);
  painting(false);
  el("hand-choose").focus();
}

async function ask(replace) {
  const form = el("hand-form");
  forget();
  const asked = chosen, body = { start: asked.start.toISOString(), until: asked.until.toISOString(), replace };
  form.setAttribute("aria-busy", "true");
  el("hand-ask").disabled = true;
  try {
    const answer = await request("/overrides/preview", { method: "POST", body: { ...body, ...valuesOf(form) } });
    if (asked === chosen) show(answer);
  } catch (error) {
    tellErrors(form, el("hand-problem"), error);
    el("hand-replace").hidden = error.code !== "overlap";
  } finally {
    form.removeAttribute("aria-busy");
    el("hand-ask").disabled = false;
  }
}

// Its price was of other blocks than there are now: the new one is shown, and nothing is accepted by that.
async function askAnew() {
  await ask(false);
  if (!shown) return;
  el("hand-problem").textContent = t("What is set by hand has changed meanwhile: this is the price now.");
  el("hand-problem").hidden = false;
}

function show(answer) {
  shown = answer;
  el("hand-price").textContent = priceOf(answer);
  fill(el("hand-notes"), ...answer.notes.map((note) => node("li", sentenceCase(note))));
  fill(el("hand-plan"), ...answer.plan.map((block) => {
    const item = node("li", null, { class: block.by_hand ? "own" : "" });
    item.append(node("span", `${weekday(block.start, state.zone)} ${clock(block.start, state.zone)}–${clock(block.end, state.zone)}`), node("span", sentenceCase(block.sentence)));
    return item;
  }));
  el("hand-then").hidden = !answer.plan.length;
  el("hand-answer").hidden = false;
  el("hand-accept").focus();
}

function priceOf({ block, priced, cost, currency }) {
  const values = { what: MODES[block.mode], when: spanOf(block), money: `${number(Math.abs(cost ?? 0))} ${currency}` };
  if (!priced || cost === null) return t("{what}, {when}: it has no price yet, since the market has not published one.", values);
  if (Math.abs(cost) < LEAST_MONEY) return t("{what}, {when}: it costs no more than the plan as it is.", values);
  if (cost > 0) return t("{what}, {when}: it costs {money} more than the plan as it is.", values);
  return t("{what}, {when}: it saves {money} compared with the plan as it is.", values);
}

// What stands by hand, as bands under the lines.
export function paintByHand(overrides) {
  timeline.paint(overrides.filter(({ mode }) => mode !== "vacation" && mode !== "reserve").map((override) => ({
    from: Date.parse(override.start ?? override.since), until: Date.parse(override.until), kind: "by-hand", title: MODES[override.mode],
  })));
}

export function wordsOf(override) {
  const power = override.power_kw === null ? "" : ` ${number(override.power_kw, 1)} kW`;
  const target = (override.target_percent ?? null) === null ? "" : ` → ${number(override.target_percent, 0)} %`;
  const what = MODES[override.mode] + power + target, until = stamp(override.until, state.zone);
  if (!override.start || Date.parse(override.start) <= now()) return t("{what} until {time}", { what, time: until });
  return t("{what} from {start} until {time}", { what, start: stamp(override.start, state.zone), time: until });
}
