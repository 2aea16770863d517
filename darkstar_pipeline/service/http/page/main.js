// The page's way in; everything else is in the door, the frame and its views.
import { request } from "./api.js";
import { addDoorListeners, applyTheme } from "./door.js";
import { el } from "./format.js";
import { attempt, begin, start, stop } from "./frame.js";
import { view as administration } from "./views/administration.js";
import { view as household } from "./views/household.js";
import { view as plan } from "./views/plan.js";
import { view as report } from "./views/report.js";
import { view as whatif } from "./views/whatif.js";

const RETRY_MS = 5000;

function showLogin() {
  if (!el("login-card").hidden) return;  // whoever asks again meanwhile takes nobody's focus
  stop();
  el("content").hidden = el("logout").hidden = el("views").hidden = true;
  el("login-card").hidden = false;
  el("token").focus();
}

async function showContent() {
  el("login-card").hidden = true;
  el("content").hidden = el("logout").hidden = el("views").hidden = false;
  await begin();
}

// /health answers everybody, but lists components only to those with a session.
async function enter() {
  let health;
  await attempt(async () => { health = await request("/health"); });
  if (!health) return setTimeout(enter, RETRY_MS);
  return health.components.length ? showContent() : showLogin();
}

function addListeners() {
  // A double click is one click: the second would ask twice, or end what has moved up under it. Moving in the picture is fast.
  document.addEventListener("click", (event) => {
    if (event.detail < 2 || !event.target.closest("button") || event.target.closest(".picture")) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  addDoorListeners(showContent, () => attempt(async () => {
    await request("/logout", { method: "POST" });
    await enter();
  }));
}

applyTheme();
addListeners();
start([plan, household, whatif, report, administration], showLogin);
enter();
