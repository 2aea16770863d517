// The page: asks every quarter of a minute, and says plainly what it could not have.
import { ask } from "./ask.js";
import { drawHistory, drawSavings } from "./past.js";
import { drawPlan, listen } from "./plan.js";
import { ago, clock, el, localDay, momentOf, node, number, parts, stamp } from "./words.js";

const EVERY = 15000;
let zone = "UTC", timer, by = "day", skew = 0, command, plan;

const now = () => Date.now() + skew;

async function attempt(work) {
  try {
    await work();
    el("trouble").hidden = true;
  } catch (error) {
    if (error.status === 401) return shut();
    el("trouble").textContent = error.message;
    el("trouble").hidden = false;
  }
  return undefined;
}

function shut() {
  clearInterval(timer);
  el("inside").hidden = el("logout").hidden = true;
  el("door").hidden = false;
  el("token").focus();
}

// Health answers strangers too, but tells its parts only to those with a session.
async function begin() {
  await attempt(async () => ((await ask("/health")).components.length ? open() : shut()));
}

async function open() {
  el("door").hidden = true;
  el("inside").hidden = el("logout").hidden = false;
  await refresh();
  await attempt(async () => {
    el("history-day").value ||= localDay(now(), zone);
    await drawHistory(el("history-day").value);
  });
  await attempt(() => drawSavings(by));
  clearInterval(timer);
  timer = setInterval(() => document.hidden || refresh(), EVERY);
}

const refresh = () => attempt(async () => {
  const asked = ["/plan", "/command", "/overrides", "/models", "/health"].map((path) => ask(path));
  const [fresh, told, wishes, models, health] = await Promise.all(asked);
  [plan, command, zone] = [fresh, told, fresh.timezone];
  skew = Date.parse(command.slot_start) > Date.now() || Date.parse(command.expires_at) < Date.now()
    ? Date.parse(command.slot_start) - Date.now() : 0;  // a service that was told another time (--at)
  el("site").textContent = plan.site;
  drawNow(models);
  drawPlan(plan, now());
  drawWishes(wishes);
  drawModels(models);
  drawHealth(health);
});

function drawNow(models) {
  el("command").textContent = sentenceCase(command.command);
  el("sentence").textContent = command.sentence;
  el("until").textContent = `until ${clock(command.expires_at, zone)}, then the plan's next command`;
  const slot = plan.slots.find((each) => each.slot_start === command.slot_start) ?? plan.slots[0];
  const facts = [
    ["State of charge", `${number(slot.soc_start_percent, 0)} %`],
    ["Price now", `${number(slot.import_price)} ${plan.currency}/kWh`],
    ["Made by", madeBy(models)],
    ["Planned", ago(plan.created_at, now())],
    ["Saves until its end", plan.cost === null ? "–" : `${number(plan.idle_cost - plan.cost)} ${plan.currency}`],
  ];
  el("facts").replaceChildren(...facts.map(([name, value]) => {
    const pair = node("div");
    pair.append(node("dt", name), node("dd", value));
    return pair;
  }));
  el("made").textContent = `${plan.rung.replace("_", " ")}: ${plan.release_reason}`;
  const troubles = plan.inputs.filter((input) => input.state === "missing" || input.state === "stale");
  el("notes").replaceChildren(...troubles.map((input) => node("li", `${input.name}: ${input.state}; ${input.note}`)));
}

const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

function madeBy(models) {
  if (plan.model) return `${plan.model.kind} version ${plan.model.version}`;
  return models.champion === null && plan.rung === "value" ? "value function" : plan.rung.replace("_", " ");
}

function drawWishes(wishes) {
  el("automatic").setAttribute("aria-checked", String(wishes.automatic));
  el("automatic-label").textContent = wishes.automatic ? "Automatic" : "Manual";
  el("automatic-note").textContent = wishes.automatic ? "The plan steers the battery." : "The inverter is left by itself.";
  el("wishes").replaceChildren(...wishes.overrides.map((wish) => {
    const item = node("li");
    const power = wish.power_kw === null ? "" : ` ${number(wish.power_kw, 1)} kW`;
    const end = node("button", "End it", { type: "button", "aria-label": `End ${wish.mode}` });
    end.addEventListener("click", () => attempt(async () => {
      await ask(`/overrides/${wish.id}`, { method: "DELETE" });
      await settle();
    }));
    item.append(node("span", `${wish.mode.replace("_", " ")}${power} until ${stamp(wish.until, zone)}`), end);
    return item;
  }));
  if (!el("wish-until").value) {
    const found = parts(now() + 7200000, zone);
    el("wish-until").value = `${found.year}-${found.month}-${found.day}T${found.hour}:00`;
  }
}

function drawModels(models) {
  const champion = models.champion;
  const seat = champion === null ? "No version is in use: the value function decides."
    : `${champion.name} version ${champion.version} (${champion.kind}) decides, in use since ${champion.promoted_at === null ? "?" : stamp(champion.promoted_at, zone)}.`;
  el("model").textContent = models.problem ? `${seat} Version ${models.wanted ?? "?"} cannot be used: ${models.problem}` : seat;
  const head = node("tr");
  head.append(...["version", "kind", "state", ""].map((name) => node("th", name, { scope: "col" })));
  const rows = models.versions.map((row) => {
    const line = node("tr");
    const use = node("button", "Use it", { type: "button", "aria-label": `Use version ${row.version}` });
    use.disabled = row.in_use || row.problem !== "";
    use.addEventListener("click", () => move(`Use version ${row.version}?`, "/models/promote", { version: row.version, force: true }));
    const cell = node("td");
    cell.append(use);
    line.append(node("th", row.version, { scope: "row" }), node("td", row.kind), node("td", row.in_use ? "in use" : row.problem || "ready"), cell);
    return line;
  });
  el("versions").replaceChildren(head, ...rows);
  el("rollback").disabled = models.wanted === null;
}

function move(title, path, body) {
  const dialog = el("ask");
  el("ask-title").textContent = title;
  el("ask-why").value = "";
  dialog.onclose = () => {
    if (dialog.returnValue !== "yes") return;
    attempt(async () => {
      await ask(path, { method: "POST", body: { ...body, why: el("ask-why").value } });
      await settle();
    });
  };
  dialog.showModal();
}

function drawHealth(health) {
  el("health").replaceChildren(...health.components.map((part) => {
    const item = node("li");
    item.append(node("b", part.name), node("span", part.ok ? "✓ well" : "✗ not well", { class: part.ok ? "good" : "bad" }), node("span", part.note));
    return item;
  }));
}

// What was asked for is in the plan after the next look; `replan` waits for it.
async function settle() {
  await ask("/replan", { method: "POST" });
  await refresh();
}

function listenToPeople() {
  el("login").addEventListener("submit", (event) => {
    event.preventDefault();
    ask("/login", { method: "POST", body: { token: el("token").value } }).then(() => {
      el("token").value = "";
      el("trouble").hidden = true;
      return open();
    }, (error) => {
      el("trouble").textContent = error.message;
      el("trouble").hidden = false;
    });
  });
  el("logout").addEventListener("click", () => attempt(async () => {
    await ask("/logout", { method: "POST" });
    shut();
  }));
  el("automatic").addEventListener("click", () => attempt(async () => {
    const automatic = el("automatic").getAttribute("aria-checked") !== "true";
    drawWishes(await ask("/automatic", { method: "POST", body: { automatic } }));
    await refresh();
  }));
  el("replan").addEventListener("click", () => attempt(settle));
  el("wish").addEventListener("submit", (event) => {
    event.preventDefault();
    const power = el("wish-power").value;
    const body = { mode: el("wish-mode").value, until: momentOf(el("wish-until").value, zone).toISOString() };
    if (power) body.power_kw = Number(power);
    attempt(async () => {
      await ask("/overrides", { method: "POST", body });
      await settle();
    });
  });
  el("history-day").addEventListener("change", () => attempt(() => drawHistory(el("history-day").value)));
  for (const name of ["day", "month"]) {
    el(`by-${name}`).addEventListener("click", () => attempt(() => drawSavings((by = name))));
  }
  el("rollback").addEventListener("click", () => move("Go back to the version before?", "/models/rollback", {}));
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => plan && !el("inside").hidden && drawPlan(plan, now()), 150);
  });
}

function paint() {
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

paint();
listen();
listenToPeople();
begin();
