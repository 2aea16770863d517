// The household: vacation and outages, car and loads, the best start for an appliance, and the strategy.
import { applianceCard } from "../appliance.js";
import { awayCard, drawAway } from "../away.js";
import { drawLoads, loadCards } from "../loads.js";
import { drawStrategy, strategyCard } from "../strategy.js";
import { t } from "../words.js";

function build(section) {
  section.append(awayCard(), applianceCard(), ...loadCards(), strategyCard());
}

async function refresh() {
  drawStrategy();
  await drawAway();
  await drawLoads();
}

export const view = { name: "household", title: t("Household"), build, refresh };
