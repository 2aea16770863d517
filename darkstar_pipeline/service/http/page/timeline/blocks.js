// The plan in words: what it saves, its blocks, what changed, the loads, the battery's care and the strategy.
import { clock, el, fill, localDay, node, number, sentenceCase, stamp, weekday } from "../format.js";
import { t } from "../words.js";

const FEW = 4;
const LOADS = { ev: t("Car"), water: t("Hot water") };

// `onBlock(from, until)` is called with the instants of a block that somebody has chosen.
export function drawBlocks(plan, onBlock) {
  el("summary").textContent = summaryOf(plan);
  const zone = plan.timezone;
  let day = localDay(plan.created_at, zone);
  fill(el("blocks"), ...plan.blocks.flatMap((block) => {
    const item = node("li", null, { "data-start": block.start });
    const button = node("button", span(block, zone), { type: "button", title: t("Show in the picture") });
    button.addEventListener("click", () => onBlock(new Date(block.start), new Date(block.end)));
    item.append(button, node("span", sentenceCase(block.sentence), { title: block.intent }));
    const begun = localDay(block.start, zone);
    if (begun === day) return [item];
    day = begun;
    return [node("li", weekday(block.start, zone), { class: "day-name" }), item];
  }));
  el("blocks-title").hidden = plan.blocks.length === 0;
  drawChanges(plan);
  drawDetails("loads", (plan.loads ?? []).map((load) => loadLines(load, plan)));
  drawDetails("care", plan.care ? careLines(plan.care, plan) : []);
  drawDetails("strategy", plan.strategy ?? []);
}

const span = (part, zone) => `${clock(part.start, zone)}–${clock(part.end, zone)}`;

function summaryOf(plan) {
  const until = stamp(plan.valid_until, plan.timezone), money = (value) => `${number(Math.abs(value))} ${plan.currency}`;
  if (plan.cost === null) return t("There is no plan without prices: until {until} the inverter decides by itself.", { until });
  const unused = plan.idle_cost - plan.cost, alone = plan.self_consumption_cost - plan.cost;
  return [
    unused >= 0 ? t("Until {until} this plan saves {money} compared with a battery that is not used.", { until, money: money(unused) })
      : t("Until {until} this plan costs {money} more than a battery that is not used.", { until, money: money(unused) }),
    alone >= 0 ? t("It saves {money} compared with an inverter that decides by itself.", { money: money(alone) })
      : t("It costs {money} more than an inverter that decides by itself.", { money: money(alone) }),
  ].join(" ");
}

function drawChanges(plan) {
  const { changes } = plan;
  const told = changes ? changes.blocks.map((each) => sentenceCase(each.sentence)) : [];
  const lines = changes ? changes.causes.map((each) => sentenceCase(each.sentence)) : [];
  if (told.length <= FEW) lines.push(...told.splice(0));
  if (changes && Math.abs(changes.saving) >= 0.01 && changes.blocks.length) {
    lines.push(t("Going on as before would cost {money} more.", { money: `${number(changes.saving)} ${plan.currency}` }));
  }
  el("changes-more").hidden = !told.length;
  fill(el("changes-blocks"), ...told.map((line) => node("li", line)));
  if (changes && !lines.length && !told.length) lines.push(t("Nothing to speak of is planned otherwise."));
  drawDetails("changes", lines, changes ? t("Since the plan of {time}", { time: clock(changes.since_at, plan.timezone) }) : "");
}

function drawDetails(name, lines, title = "") {
  el(name).hidden = !title && lines.length === 0;
  if (title) el(`${name}-title`).textContent = title;
  fill(el(`${name}-list`), ...lines.map((line) => node("li", line)));
}

function loadLines(load, plan) {
  const name = LOADS[load.name] ?? sentenceCase(load.name.replace(/^appliance_/, "").replaceAll("_", " "));
  const money = (value) => `${number(value)} ${plan.currency}`, energy = number(load.energy_kwh);
  const at = (load.blocks ?? []).map((block) => `${weekday(block.start, plan.timezone)} ${span(block, plan.timezone)}`).join(", ");
  const parts = [load.energy_kwh <= 0.005 ? t("{name}: nothing is planned.", { name })
    : load.cost === null ? t("{name}: {energy} kWh.", { name, energy })
      : t("{name}: {energy} kWh for {money}.", { name, energy, money: money(load.cost) })];
  if (at) parts.push(t("It runs {times}.", { times: at }));
  if ((load.unplanned_cost ?? null) !== null) parts.push(t("At once it would cost {money}.", { money: money(load.unplanned_cost) }));
  if (load.leaves) parts.push(t("It leaves {time}.", { time: stamp(load.leaves, plan.timezone) }));
  if (load.note) parts.push(sentenceCase(load.note));
  return parts.join(" ");
}

// What the care costs is the optimiser's difference; null where that was not worked out.
function careLines(care, plan) {
  const price = (value) => (value === null ? t("What that costs is not known.") : t("That costs {money}.", { money: `${number(value)} ${plan.currency}` }));
  const time = (moment) => stamp(moment, plan.timezone), lines = [];
  if (care.most_min_soc_percent > 0 || care.causes.length) {
    const percent = { now: number(care.min_soc_percent, 0), most: number(care.most_min_soc_percent, 0) };
    lines.push([t("Kept for outages: {now} % now, at most {most} % in this plan.", percent), price(care.reserve_price), ...care.causes.map(sentenceCase)].join(" "));
  }
  if (care.below_reserve) lines.push(t("The battery is below its reserve, and is charged until it is back."));
  if (care.full_charge_at) lines.push(`${t("It is charged full at {time}.", { time: time(care.full_charge_at) })} ${price(care.full_charge_price)}`);
  if (care.full_charge_late) lines.push(t("It should have been full by {time}.", { time: time(care.full_charge_deadline) }));
  else if (care.full_charge_deadline) lines.push(t("It should be full by {time}.", { time: time(care.full_charge_deadline) }));
  if (care.resting_price !== null) lines.push(`${t("It does not rest too full.")} ${price(care.resting_price)}`);
  if (care.note) lines.push(sentenceCase(care.note));
  return lines;
}
