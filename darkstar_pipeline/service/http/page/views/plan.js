// The plan: what happens now, the timeline and the blocks, and what a person sets by hand.
import { request } from "../api.js";
import { drawBlocks } from "../timeline/blocks.js";
import { ago, clock, el, fill, momentOf, node, number, parts, sentenceCase, stamp } from "../format.js";
import { attempt, now, refresh as refreshAll, replan, state } from "../frame.js";
import { limitHand, listenByHand, MODES, paintByHand, wordsOf } from "../timeline/by_hand.js";
import { drawTimeline, listen, timeline } from "../timeline/plan_timeline.js";
import { t } from "../words.js";

const OLD_MS = 45 * 60000;  // a plan is made at every quarter of an hour
const INPUTS = {
  prices: t("Prices"), soc: t("Stored energy"), load: t("The house's load"), pv: t("panels|Sun"), peaks: t("The month's peaks"), tariff: t("Tariff"),
  model: t("Trained model"), clock: t("Clock"), storage: t("Storage"),
};
const STATES = { stale: t("old"), missing: t("missing"), assumed: t("assumed"), fresh: t("up to date") };
const BASES = { measured: t("read"), projected: t("expected"), assumed: t("assumed") };
const SOURCES = {
  champion: t("the trained model"), value: t("the full calculation"), mpc: t("the short calculation"), last_plan: t("the plan before"),
  self_consumption: t("nothing: the inverter decides"),
};
function build() {
  listen();
  listenByHand();
  el("automatic").addEventListener("click", () => attempt(async () => {
    const automatic = el("automatic").getAttribute("aria-checked") !== "true";
    drawOverrides(await request("/automatic", { method: "POST", body: { automatic } }));
    await refreshAll();
  }));
  el("replan").addEventListener("click", () => attempt(replan));
  el("override-mode").addEventListener("change", limitPower);
  el("override-power").addEventListener("input", limitPower);
  el("override").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(async () => {
      const power = el("override-power").value;
      const body = { mode: el("override-mode").value, until: momentOf(el("override-until").value, state.zone).toISOString() };
      if (power && !el("override-power").disabled) body.power_kw = Number(power);
      await request("/overrides", { method: "POST", body });
      await replan();
    });
  });
}

async function refresh() {
  drawNow();
  drawNotes();
  drawBlocks(state.plan, (from, until) => {
    const slots = timeline.slots(from, until);
    if (!slots) return;
    timeline.choose(...slots);
    timeline.point(slots[0]);
    el("chart").scrollIntoView({ block: "nearest" });
  });
  await drawTimeline(state.plan, now());
  drawOverrides(await request("/overrides"));
  limitPower();
  limitHand();
}

function drawNow() {
  const { plan, command, zone } = state;
  el("command").textContent = sentenceCase(command.command);
  el("sentence").textContent = sentenceCase(command.sentence);
  const time = clock(command.expires_at, zone);
  el("until").textContent = command.steering.steers ? t("until {time}, then the next command of the plan", { time }) : t("until {time}, as planned", { time });
  el("steering").textContent = command.steering.words + (command.steering.since ? ` ${t("Since {time}.", { time: stamp(command.steering.since, zone) })}` : "");
  el("steering").className = command.steering.steers ? "steering good" : "steering";
  const slot = plan.slots.find((candidate) => candidate.slot_start === command.slot_start) ?? plan.slots[0];
  const old = now() - Date.parse(plan.created_at) > OLD_MS;
  const saving = plan.cost === null ? "–" : `${number(plan.idle_cost - plan.cost)} ${plan.currency}`;
  const facts = [
    [t("Stored energy"), slot.soc_start_percent === null ? t("not known") : `${number(slot.soc_start_percent, 0)} %${basisOf("soc")}`, "state of charge"],
    [t("Price now"), slot.import_price === null ? t("not known") : `${number(slot.import_price)} ${plan.currency}/kWh`, "import_price"],
    [t("Planned by"), SOURCES[plan.rung], plan.model ? `${plan.rung}: ${plan.model.kind} ${plan.model.version}` : plan.rung],
    [t("Plan made"), ago(plan.created_at, now()) + (old ? `, ${t("no newer one since")}` : ""), plan.id],
    [t("Planned saving"), saving, "idle_cost - cost"],
  ];
  fill(el("facts"), ...facts.map(([name, value, title]) => {
    const pair = node("div", null, { title });
    pair.append(node("dt", name), node("dd", value));
    return pair;
  }));
}

// What is not as it should be, and what happens meanwhile.
function drawNotes() {
  const { plan } = state;
  const problems = plan.inputs.filter((input) => input.state !== "fresh" || input.note);
  const missing = plan.cost === null ? [node("li", t("Prices or readings are missing, so nothing can be planned. Meanwhile the inverter decides by itself: sun into the battery, and what the house lacks out of it. A plan is made as soon as they are there, by itself."), { id: "no-plan" })] : [];
  fill(
    el("notes"), ...missing,
    ...problems.map((input) => node("li", `${INPUTS[input.name]}: ${STATES[input.state]}${input.note ? `; ${input.note}` : ""}`, { title: `${input.name}: ${input.state}` })),
    ...plan.notices.map((notice) => node("li", t("Cannot be avoided: {notice}", { notice }))),
  );
}

// How an input is known, since when: what was not read is not shown as a fact.
function basisOf(name) {
  const input = state.plan.inputs.find((candidate) => candidate.name === name);
  if (!input?.basis) return ` (${t("not known")})`;
  return ` (${BASES[input.basis]}${input.since ? `, ${stamp(input.since, state.zone)}` : ""})`;
}

// No more power than this battery has; modes that take none have no field.
function limitPower() {
  const field = el("override-power"), mode = el("override-mode").value, { plan } = state;
  const most = { charge: plan?.max_charge_kw, discharge: plan?.max_discharge_kw, export: plan?.max_discharge_kw }[mode];
  field.disabled = !["charge", "discharge", "export"].includes(mode);
  field.max = most ?? "";
  const what = most && t("This battery: at most {power} kW.", { power: number(most, 1) });
  el("override-limit").textContent = what ?? "";
  field.setCustomValidity(most && Number(field.value) > most ? what : "");
}

function drawOverrides(overrides) {
  el("automatic").setAttribute("aria-checked", String(overrides.automatic));
  el("automatic-label").textContent = overrides.automatic ? t("Automatic") : t("Manual");
  el("automatic-note").textContent = overrides.automatic ? t("The plan's commands apply where control is on.") : t("No command applies.");
  paintByHand(overrides.overrides);
  fill(el("overrides"), ...overrides.overrides.map((override) => {
    const item = node("li", null, { "data-id": override.id }), mode = MODES[override.mode];
    const end = node("button", t("End"), { type: "button", "aria-label": t("End: {mode}", { mode }) });
    end.addEventListener("click", () => attempt(async () => {
      await request(`/overrides/${override.id}`, { method: "DELETE" });
      await replan();
    }));
    item.append(node("span", wordsOf(override)), end);
    return item;
  }));
  if (!el("override-until").value) {
    const local = parts(now() + 7200000, state.zone);
    el("override-until").value = `${local.year}-${local.month}-${local.day}T${local.hour}:00`;
  }
}

export const view = { name: "plan", title: t("Plan"), build, refresh };
