// Vacation and a reserve for outages, asked for until an end; and what the reserve and the care of the battery cost.
import { request } from "./api.js";
import { asking, field, instantOf, sentBy, valuesOf } from "./forms.js";
import { DAY_MS, fill, LEAST_MONEY, node, number, parts, stamp } from "./format.js";
import { attempt, now, replan, state } from "./frame.js";
import { card, scrolled, table } from "./tables.js";
import { t } from "./words.js";

let active, wishes, form;

export function awayCard() {
  wishes = node("ul", null, { class: "overrides" });
  active = node("div");
  const percent = field({ name: "reserve_percent", label: t("Kept in the battery [%]"), min: 0, max: 100, value: 50 });
  const mode = field({ name: "mode", label: t("What"), options: [["reserve", t("A reserve for outages")], ["vacation", t("Vacation: nobody is at home")]] });
  const until = field({ name: "until", label: t("Until"), type: "datetime-local" });
  const asked = asking({ fields: [mode, percent, until], buttons: [node("button", t("Ask for it"), { type: "submit", class: "primary" })] });
  form = asked.form;
  mode.querySelector("select").addEventListener("change", (event) => { percent.hidden = event.target.value !== "reserve"; });
  sentBy(form, () => asked.ask(async ({ signal }) => {
    const { until: end, ...body } = valuesOf(form);
    await request("/overrides", { method: "POST", body: { ...body, until: instantOf("until", end, state.zone) }, signal });
    await replan();
  }));
  return card(t("Vacation and outages"),
    node("p", t("A reserve stays in the battery for when the grid is gone. On vacation the house is expected to need less, and hot water waits."), { class: "quiet" }),
    wishes, form, active);
}

export async function drawAway() {
  const overrides = await request("/overrides");
  const input = form.querySelector("[name=until]");
  if (!input.value) {
    const end = parts(now() + DAY_MS, state.zone);
    input.value = `${end.year}-${end.month}-${end.day}T${end.hour}:00`;
  }
  const own = overrides.overrides.filter((override) => ["vacation", "reserve"].includes(override.mode));
  fill(wishes, ...own.map((override) => {
    const values = { percent: number(override.reserve_percent, 0), until: stamp(override.until, state.zone) };
    const words = override.mode === "reserve" ? t("A reserve of {percent} % until {until}", values) : t("Vacation until {until}", values);
    const item = node("li", null, { "data-id": override.id }), end = node("button", t("End it"), { type: "button", "aria-label": t("End: {what}", { what: words }) });
    end.addEventListener("click", () => attempt(async () => {
      await request(`/overrides/${override.id}`, { method: "DELETE" });
      await replan();
    }));
    item.append(node("span", words), end);
    return item;
  }));
  drawCare(state.plan.care, state.plan.currency);
}

function drawCare(care, currency) {
  if (!care) {
    fill(active, node("p", t("The plan keeps no reserve and has no full charge to place; household.care in darkstar.yaml asks for them."), { class: "quiet" }));
    return;
  }
  const price = (value) => (value === null ? "–" : `${number(value)} ${currency}`);
  const rows = [];
  if (care.most_min_soc_percent > 0 || care.reserve_price !== null) {
    const levels = { least: number(care.min_soc_percent, 0), most: number(care.most_min_soc_percent, 0) };
    rows.push([t("Reserve for outages"), care.most_min_soc_percent - care.min_soc_percent < 1 ? t("not used below {least} %", levels)
      : t("not used below {least} %, later up to {most} %", levels), price(care.reserve_price)]);
  }
  if (care.full_charge_at) rows.push([t("Full charge"), t("100 % by {when}", { when: stamp(care.full_charge_at, state.zone) }), price(care.full_charge_price)]);
  else if (care.full_charge_deadline) {
    rows.push([t("Full charge"), t("by {when}; a later day is expected to cost less", { when: stamp(care.full_charge_deadline, state.zone) }), "–"]);
  }
  if (care.resting_price >= LEAST_MONEY) rows.push([t("Resting ceiling"), "", price(care.resting_price)]);
  const notes = [...care.causes];
  if (care.below_reserve) notes.push(t("The battery is below its reserve: it is not discharged, and charged until it is back."));
  if (care.full_charge_late) notes.push(t("The full charge is late."));
  if (care.note) notes.push(care.note);
  fill(active, node("h3", t("In the plan in force")),
    !rows.length ? "" : scrolled(table([t("What"), t("How"), t("Costs in this plan")], rows), t("Reserve and care as a table")), ...notes.map((note) => node("p", note, { class: "note" })));
}
