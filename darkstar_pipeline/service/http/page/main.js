// The page: refreshes every fifteen seconds, and shows what it could not get.
import { request } from "./api.js";
import { drawHistory, drawMissing, drawSavings } from "./history.js";
import { drawPlan, listen } from "./plan.js";
import { ago, clock, el, localDay, momentOf, node, number, parts, stamp } from "./format.js";

const REFRESH_MS = 15000;
let zone = "UTC", timer, by = "day", skew = 0, command, plan;

const now = () => Date.now() + skew;

async function attempt(action) {
  try {
    await action();
    el("problem").hidden = true;
  } catch (error) {
    if (error.status === 401) return showLogin();
    el("problem").textContent = error.message;
    el("problem").hidden = false;
  }
  return undefined;
}

function showLogin() {
  clearInterval(timer);
  el("content").hidden = el("logout").hidden = true;
  el("login-card").hidden = false;
  el("token").focus();
}

// /health answers everybody, but lists components only to those with a session.
async function begin() {
  await attempt(async () => ((await request("/health")).components.length ? showContent() : showLogin()));
}

async function showContent() {
  el("login-card").hidden = true;
  el("content").hidden = el("logout").hidden = false;
  await refresh();
  await attempt(async () => {
    el("history-day").value ||= localDay(now(), zone);
    await drawHistory(el("history-day").value);
  });
  await attempt(() => drawSavings(by));
  await attempt(drawMissing);
  clearInterval(timer);
  timer = setInterval(() => document.hidden || refresh(), REFRESH_MS);
}

const refresh = () => attempt(async () => {
  const requests = ["/plan", "/command", "/overrides", "/models", "/health"].map((path) => request(path));
  const [newPlan, newCommand, overrides, models, health] = await Promise.all(requests);
  [plan, command, zone] = [newPlan, newCommand, newPlan.timezone];
  skew = Date.parse(command.slot_start) > Date.now() || Date.parse(command.expires_at) < Date.now()
    ? Date.parse(command.slot_start) - Date.now() : 0;  // a service that runs at another time (--at)
  el("site").textContent = plan.site;
  drawNow(models);
  drawPlan(plan, now());
  drawOverrides(overrides);
  drawModels(models);
  drawHealth(health);
});

function drawNow(models) {
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
    ["Planned with", madeBy(models)],
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
  const input = plan.inputs.find((candidate) => candidate.name === name);
  if (!input?.basis) return " (unknown)";
  return ` (${input.basis}${input.since ? `, ${stamp(input.since, zone)}` : ""})`;
}

const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function madeBy(models) {
  if (plan.model) return `${plan.model.kind} version ${plan.model.version}`;
  return models.champion === null && plan.rung === "value" ? "value function" : plan.rung.replace("_", " ");
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
    item.append(node("span", `${override.mode.replace("_", " ")}${power} until ${stamp(override.until, zone)}`), end);
    return item;
  }));
  if (!el("override-until").value) {
    const local = parts(now() + 7200000, zone);
    el("override-until").value = `${local.year}-${local.month}-${local.day}T${local.hour}:00`;
  }
}

function drawModels(models) {
  const champion = models.champion;
  const inUse = champion === null ? "No model version is in use; plans come from the value function."
    : `${champion.name} version ${champion.version} (${champion.kind}) is in use since ${champion.promoted_at === null ? "?" : stamp(champion.promoted_at, zone)}.`;
  el("model").textContent = models.problem ? `${inUse} Version ${models.wanted ?? "?"} cannot be used: ${models.problem}` : inUse;
  const head = node("tr");
  head.append(...["version", "kind", "state", ""].map((name) => node("th", name, { scope: "col" })));
  const rows = models.versions.map((row) => {
    const line = node("tr");
    const use = node("button", "Use", { type: "button", "aria-label": `Use version ${row.version}` });
    use.disabled = row.in_use || row.problem !== "";
    use.addEventListener("click", () => promote(row.version));
    const cell = node("td");
    cell.append(use);
    line.append(node("th", row.version, { scope: "row" }), node("td", row.kind), node("td", row.in_use ? "in use" : row.problem || "ready"), cell);
    return line;
  });
  el("versions").replaceChildren(head, ...rows);
  el("rollback").disabled = models.wanted === null;
}

// Against the gate's verdict only after somebody has read it and confirmed that very thing.
function promote(version) {
  confirmMove({ title: `Use version ${version}?` }, "/models/promote", { version }, (error) => {
    if (error.code !== "not_promoted") throw error;
    const against = { title: `Use version ${version} against the evidence?`, warning: error.reason, yes: "Use it anyway" };
    confirmMove(against, "/models/promote", { version, force: true });
  });
}

function confirmMove({ title, warning = "", yes = "Confirm" }, path, body, refused = (error) => { throw error; }) {
  const dialog = el("confirm");
  el("confirm-title").textContent = title;
  el("confirm-warning").textContent = warning;
  el("confirm-warning").hidden = !warning;
  el("confirm-yes").textContent = yes;
  el("confirm-reason").value = "";
  dialog.returnValue = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    attempt(async () => {
      try {
        await request(path, { method: "POST", body: { ...body, why: el("confirm-reason").value } });
      } catch (error) {
        return refused(error);
      }
      return replan();
    });
  };
  dialog.showModal();
}

function drawHealth(health) {
  el("health").replaceChildren(...health.components.map((part) => {
    const item = node("li");
    item.append(node("b", part.name), node("span", part.ok ? "✓ OK" : "✗ problem", { class: part.ok ? "good" : "bad" }), node("span", part.note));
    return item;
  }));
}

// An override takes effect with the next plan; `replan` waits for that plan, also where another is being made just now.
async function replan() {
  const answer = await request("/replan", { method: "POST" });
  const isOld = async () => new Date((await request("/plan")).created_at) < new Date(answer.asked_at);
  for (let tries = 0; answer.pending && tries < 120 && await isOld(); tries += 1) {
    await new Promise((done) => setTimeout(done, 1000));
  }
  await refresh();
}

function addListeners() {
  el("login").addEventListener("submit", (event) => {
    event.preventDefault();
    request("/login", { method: "POST", body: { token: el("token").value } }).then(() => {
      el("token").value = "";
      el("problem").hidden = true;
      return showContent();
    }, (error) => {
      el("problem").textContent = error.message;
      el("problem").hidden = false;
    });
  });
  el("logout").addEventListener("click", () => attempt(async () => {
    await request("/logout", { method: "POST" });
    await begin();
  }));
  el("automatic").addEventListener("click", () => attempt(async () => {
    const automatic = el("automatic").getAttribute("aria-checked") !== "true";
    drawOverrides(await request("/automatic", { method: "POST", body: { automatic } }));
    await refresh();
  }));
  el("replan").addEventListener("click", () => attempt(replan));
  el("override").addEventListener("submit", (event) => {
    event.preventDefault();
    const power = el("override-power").value;
    const body = { mode: el("override-mode").value, until: momentOf(el("override-until").value, zone).toISOString() };
    if (power) body.power_kw = Number(power);
    attempt(async () => {
      await request("/overrides", { method: "POST", body });
      await replan();
    });
  });
  el("history-day").addEventListener("change", () => attempt(() => drawHistory(el("history-day").value)));
  for (const name of ["day", "month"]) {
    el(`by-${name}`).addEventListener("click", () => attempt(() => drawSavings((by = name))));
  }
  el("rollback").addEventListener("click", () => confirmMove({ title: "Go back to the previous version?" }, "/models/rollback", {}));
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => plan && !el("content").hidden && drawPlan(plan, now()), 150);
  });
}

function applyTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
  };
  dark.addEventListener("change", apply);
  el("theme").addEventListener("click", () => {
    localStorage.setItem("theme", document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    apply();
  });
  apply();
}

applyTheme();
listen();
addListeners();
begin();
