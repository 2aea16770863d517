// The models that plan, and the health of the service.
import { request } from "../api.js";
import { el, fill, node, stamp } from "../format.js";
import { confirmMove, state } from "../frame.js";
import { drawUpkeep, upkeepCards } from "../upkeep.js";
import { t } from "../words.js";

function build(section) {
  section.append(...upkeepCards());
  el("rollback").addEventListener("click", () => confirmMove({ title: t("Go back to the previous version?") }, "/models/rollback", {}));
}

async function refresh() {
  const [models, health] = await Promise.all([request("/models"), request("/health")]);
  drawModels(models);
  drawHealth(health);
}

function drawModels(models) {
  const champion = models.champion;
  const inUse = champion === null ? t("No model version is in use; plans come from the value function.")
    : t("{name} version {version} ({kind}) is in use since {since}.", { name: champion.name, version: champion.version,
      kind: champion.kind, since: champion.promoted_at === null ? "?" : stamp(champion.promoted_at, state.zone) });
  const cannot = () => t("Version {version} cannot be used: {problem}", { version: models.wanted ?? "?", problem: models.problem });
  el("model").textContent = models.problem ? `${inUse} ${cannot()}` : inUse;
  const head = node("tr");
  head.append(...[t("version"), t("kind"), t("state"), ""].map((name) => node("th", name, { scope: "col" })));
  const rows = models.versions.map((row) => {
    const line = node("tr");
    const use = node("button", t("Use"), { type: "button", "aria-label": t("Use version {version}", { version: row.version }) });
    use.disabled = row.in_use || row.problem !== "";
    use.addEventListener("click", () => promote(row.version));
    const cell = node("td");
    cell.append(use);
    line.append(node("th", row.version, { scope: "row" }), node("td", row.kind),
      node("td", row.in_use ? t("in use") : row.problem || t("ready")), cell);
    return line;
  });
  fill(el("versions"), head, ...rows);
  el("rollback").disabled = models.wanted === null;
}

// Against the gate's verdict only after somebody has read it and confirmed that very thing.
function promote(version) {
  confirmMove({ title: t("Use version {version}?", { version }) }, "/models/promote", { version }, (error) => {
    if (error.code !== "not_promoted") throw error;
    const title = t("Use version {version} against the evidence?", { version });
    confirmMove({ title, warning: error.reason, yes: t("Use it anyway") }, "/models/promote", { version, force: true });
  });
}

function drawHealth(health) {
  fill(el("health"), ...health.components.map((part) => {
    const item = node("li");
    const well = part.ok ? `✓ ${t("OK")}` : `✗ ${t("problem")}`;
    item.append(node("b", part.name), node("span", well, { class: part.ok ? "good" : "bad" }), node("span", part.note));
    return item;
  }));
}

export const view = { name: "administration", title: t("Administration"), build, show: drawUpkeep, refresh };
