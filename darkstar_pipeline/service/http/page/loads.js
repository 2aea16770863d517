// The car and other movable loads: how they are, what is asked of them, and what the plan gives them.
import { request } from "./api.js";
import { asking, field, instantOf, sentBy, valuesOf } from "./forms.js";
import { fill, node, number, sentenceCase, stamp } from "./format.js";
import { replan, state } from "./frame.js";
import { card, scrolled, table } from "./tables.js";
import { t } from "./words.js";

const NAMES = { ev: t("car"), water: t("hot water") };
let carCard, carFacts, loadsCard, loadsHolder;

// Both stay hidden until the home has a car, and until a plan has a load.
export function loadCards() {
  carFacts = node("div");
  carCard = card(t("Car"), carFacts, carForm());
  loadsHolder = node("div");
  loadsCard = card(t("Movable loads in the plan"), loadsHolder);
  carCard.hidden = loadsCard.hidden = true;
  return [carCard, loadsCard];
}

function carForm() {
  const go = node("button", t("Ask for this departure"), { type: "submit", class: "primary" });
  const forget = node("button", t("The week's departures again"), { type: "button" });
  const { form, ask } = asking({
    fields: [field({ name: "leaves", label: t("Leaves"), type: "datetime-local", required: "" }),
      field({ name: "minimum_percent", label: t("At least [%]"), min: 0, max: 100, hint: t("whatever it costs") }),
      field({ name: "target_percent", label: t("Wanted [%]"), min: 0, max: 100, value: 80 })],
    buttons: [go, forget],
  });
  sentBy(form, () => ask(async () => {
    const { leaves, ...body } = valuesOf(form);
    await request("/car/request", { method: "POST", body: { ...body, leaves: instantOf("leaves", leaves, state.zone) } });
    await replan();
  }));
  forget.addEventListener("click", () => ask(async () => {
    await request("/car/request", { method: "DELETE" });
    await replan();
  }));
  return form;
}

export async function drawLoads() {
  const { plan, zone } = state;
  const loads = (plan.loads ?? []).filter((load) => load.managed);
  loadsCard.hidden = !loads.length;
  const money = (value) => (value === null ? "–" : `${number(value)} ${plan.currency}`);
  const runs = (load) => load.blocks.map((block) => `${stamp(block.start, zone)} (${number(block.energy_kwh, 1)} kWh)`).join(", ");
  fill(loadsHolder, scrolled(table([t("load"), t("energy"), t("costs"), t("without a plan"), t("runs from")],
    loads.map((load) => [NAMES[load.name] ?? load.name.replaceAll("_", " "), `${number(load.energy_kwh, 1)} kWh`, money(load.cost), money(load.unplanned_cost), runs(load) || "–"])),
  t("Movable loads as a table")), ...loads.filter((load) => load.note).map((load) => node("p", sentenceCase(load.note), { class: "note" })));
  carCard.hidden = !(plan.loads ?? []).some((load) => load.name === "ev");
  if (!carCard.hidden) drawCar(await request("/car"));
}

function drawCar(car) {
  const plugged = car.plugged === null ? t("not known") : car.plugged ? t("yes") : t("no");
  const facts = [
    [t("Plugged in"), plugged], [t("State of charge"), car.soc_percent === null ? "–" : `${number(car.soc_percent, 0)} %`],
    [t("Leaves"), car.leaves === null ? "–" : stamp(car.leaves, state.zone)],
    [t("Gets in the plan"), car.plan === null ? "–" : `${number(car.plan.energy_kwh, 1)} kWh`],
    [t("Costs"), car.plan === null || car.plan.cost === null ? "–" : `${number(car.plan.cost)} ${state.plan.currency}`],
  ];
  const list = node("dl", null, { class: "facts" });
  list.append(...facts.map(([name, value]) => {
    const pair = node("div");
    pair.append(node("dt", name), node("dd", value));
    return pair;
  }));
  const notes = [car.note, car.holds_battery ? t("The house battery holds because the car charges.") : ""].filter(Boolean);
  fill(carFacts, list, ...notes.map((note) => node("p", sentenceCase(note), { class: "note" })));
}
