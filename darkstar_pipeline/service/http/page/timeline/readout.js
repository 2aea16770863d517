// What is known about the slot under the cursor, in a box of its own that covers nothing.
import { clock, el, fill, isKnown, node, number, sentenceCase, weekday } from "../format.js";
import { t } from "../words.js";

export function drawReadout(row, plan) {
  const box = el("cursor"), zone = plan.timezone;
  box.dataset.slot = new Date(row.start).toISOString();
  const twice = row.twice ? ` ${row.twice}` : "";
  const when = `${weekday(row.start, zone)} ${row.time}–${clock(row.end, zone)}${twice}`;
  const head = node("strong", row.command ? `${when}: ${row.command}` : when);
  const list = node("dl");
  for (const [name, value] of figuresOf(row, plan)) {
    const pair = node("div");
    pair.append(node("dt", name), node("dd", value));
    list.append(pair);
  }
  const words = row.past ? t("What was read; in brackets what had been planned.") : sentenceCase(row.sentence);
  fill(box, head, node("p", words), list);
}

// Each figure with its unit; of the past what was read, and in brackets what had been planned.
function figuresOf(row, plan) {
  const price = (value) => (value === null ? t("not known") : `${number(value)} ${plan.currency}/kWh`);
  const kw = (value, planned) => `${number(value)} kW${isKnown(planned) ? ` (${number(planned)})` : ""}`;
  const stored = row.past ? `${number(row.soc, 0)} %${isKnown(row.target) ? ` (${number(row.target, 0)})` : ""}` : `${number(row.target, 0)} %`;
  return [
    [t("Buying costs"), price(row.import_price)], [t("Selling brings"), price(row.export_price)],
    [t("House"), kw(row.load, row.planned_load)], [t("panels|Sun"), kw(row.pv, row.planned_pv)],
    [t("Battery"), directed(isKnown(row.charge) || isKnown(row.discharge) ? (row.charge ?? 0) - (row.discharge ?? 0) - (row.further ?? 0) : null, t("charges"), t("gives"))],
    ...(isKnown(row.further) ? [[t("Other batteries"), directed(row.further, t("charges"), t("gives"))]] : []),
    [t("Grid"), directed(row.grid, t("buys"), t("sells"))],
    ...(row.others ? [[t("Car, water and appliances"), kw(row.others)]] : []),
    [t("Stored at the end"), stored],
    ...(isKnown(row.kept) ? [[t("Kept for outages"), `${number(row.kept, 0)} %`]] : []),
  ];
}

function directed(value, above, below) {
  if (value === null) return "– kW";
  if (Math.abs(value) < 0.005) return "0 kW";
  return `${value > 0 ? above : below} ${number(Math.abs(value))} kW`;
}
