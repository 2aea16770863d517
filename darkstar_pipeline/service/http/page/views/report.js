// What happened: plans beside readings, savings, and what is missing.
import { el, localDay } from "../format.js";
import { now, attempt, state } from "../frame.js";
import { drawHistory, drawMissing, drawSavings } from "../history.js";
import { drawMonth, monthCard } from "../month.js";
import { t } from "../words.js";

let by = "day";

function build(section) {
  section.prepend(monthCard());
  el("history-day").addEventListener("change", () => attempt(() => drawHistory(el("history-day").value)));
  for (const name of ["day", "month"]) {
    el(`by-${name}`).addEventListener("click", () => attempt(() => drawSavings((by = name))));
  }
}

// Each by itself: what of them cannot be had leaves the others to be seen.
async function show() {
  el("history-day").value ||= localDay(now(), state.zone);
  const steps = [drawMonth(), drawHistory(el("history-day").value), drawSavings(by), drawMissing()];
  const failed = (await Promise.allSettled(steps)).find((step) => step.status === "rejected");
  if (failed) throw failed.reason;
}

export const view = { name: "report", title: t("Report"), build, show };
