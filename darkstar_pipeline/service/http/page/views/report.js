// What happened: plans beside readings, savings, and what is missing.
import { el, localDay } from "../format.js";
import { now, attempt, state } from "../frame.js";
import { drawHistory, drawMissing, drawSavings } from "../history.js";
import { t } from "../words.js";

let by = "day";

function build() {
  el("history-day").addEventListener("change", () => attempt(() => drawHistory(el("history-day").value)));
  for (const name of ["day", "month"]) {
    el(`by-${name}`).addEventListener("click", () => attempt(() => drawSavings((by = name))));
  }
}

async function show() {
  el("history-day").value ||= localDay(now(), state.zone);
  await drawHistory(el("history-day").value);
  await drawSavings(by);
  await drawMissing();
}

export const view = { name: "report", title: t("Report"), build, show };
