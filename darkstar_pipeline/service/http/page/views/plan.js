// The plan: what happens now, the timeline, and what a person sets by hand.
import { request } from "../api.js";
import { ago, clock, el, momentOf, node, number, parts, stamp } from "../format.js";
import { attempt, now, refresh as refreshAll, replan, state } from "../frame.js";
import { drawPlan, listen } from "../plan.js";
import { t } from "../words.js";

function build() {
  listen();
  el("automatic").addEventListener("click", () => attempt(async () => {
    const automatic = el("automatic").getAttribute("aria-checked") !== "true";
    drawOverrides(await request("/automatic", { method: "POST", body: { automatic } }));
    await refreshAll();
  }));
  el("replan").addEventListener("click", () => attempt(replan));
  el("override").addEventListener("submit", (event) => {
    event.preventDefault();
    const power = el("override-power").value;
    const body = { mode: el("override-mode").value, until: momentOf(el("override-until").value, state.zone).toISOString() };
    if (power) body.power_kw = Number(power);
    attempt(async () => {
      await request("/overrides", { method: "POST", body });
      await replan();
    });
  });
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => state.plan && el("chart").clientWidth && drawPlan(state.plan, now()), 150);
  });
}

async function refresh() {
  drawNow();
  drawPlan(state.plan, now());
  drawOverrides(await request("/overrides"));
}

function drawNow() {
  const { plan, command, zone } = state;
  el("command").textContent = sentenceCase(command.command);
  el("sentence").textContent = command.sentence;
  const then = command.steering.steers ? "then the next command of the plan" : "as planned";
  el("until").textContent = `until ${clock(command.expires_at, zone)}, ${then}`;
  el("steering").textContent = command.steering.words + (command.steering.since ? ` Since ${stamp(command.steering.since, zone)}.` : "");
  el("steering").className = command.steering.steers ? "steering good" : "steering";
  const slot = plan.slots.find((candidate) => candidate.slot_start === command.slot_start) ?? plan.slots[0];
  const facts = [
    ["State of charge", `${number(slot.soc_start_percent, 0)} %${basisOf("soc")}`],
    ["Price now", `${number(slot.import_price)} ${plan.currency}/kWh`],
    ["Planned with", madeBy()],
    ["Updated", ago(plan.created_at, now())],
    ["Planned saving", plan.cost === null ? "–" : `${number(plan.idle_cost - plan.cost)} ${plan.currency}`],
  ];
  el("facts").replaceChildren(...facts.map(([name, value]) => {
    const pair = node("div");
    pair.append(node("dt", name), node("dd", value));
    return pair;
  }));
  el("made").textContent = `${plan.rung.replace("_", " ")}: ${plan.release_reason}`;
  const problems = plan.inputs.filter((input) => input.state !== "fresh" || input.note);
  el("notes").replaceChildren(
    ...problems.map((input) => node("li", `${input.name}: ${input.state}; ${input.note}`)),
    ...plan.notices.map((notice) => node("li", `cannot be avoided: ${notice}`)),
  );
}

// How an input is known, since when: what was not read is not shown as a fact.
function basisOf(name) {
  const input = state.plan.inputs.find((candidate) => candidate.name === name);
  if (!input?.basis) return ` (${t("unknown")})`;
  return ` (${input.basis}${input.since ? `, ${stamp(input.since, state.zone)}` : ""})`;
}

const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function madeBy() {
  const { plan } = state;
  if (plan.model) return `${plan.model.kind} version ${plan.model.version}`;
  return plan.rung === "value" ? "value function" : plan.rung.replace("_", " ");
}

function drawOverrides(overrides) {
  el("automatic").setAttribute("aria-checked", String(overrides.automatic));
  el("automatic-label").textContent = overrides.automatic ? "Automatic" : "Manual";
  el("automatic-note").textContent = overrides.automatic ? "The plan's commands apply where control is on." : "No command applies.";
  el("overrides").replaceChildren(...overrides.overrides.map((override) => {
    const item = node("li");
    const power = override.power_kw === null ? "" : ` ${number(override.power_kw, 1)} kW`;
    const end = node("button", "End", { type: "button", "aria-label": `End ${override.mode}` });
    end.addEventListener("click", () => attempt(async () => {
      await request(`/overrides/${override.id}`, { method: "DELETE" });
      await replan();
    }));
    item.append(node("span", `${override.mode.replace("_", " ")}${power} until ${stamp(override.until, state.zone)}`), end);
    return item;
  }));
  if (!el("override-until").value) {
    const local = parts(now() + 7200000, state.zone);
    el("override-until").value = `${local.year}-${local.month}-${local.day}T${local.hour}:00`;
  }
}

export const view = { name: "plan", title: "Plan", build, refresh };
