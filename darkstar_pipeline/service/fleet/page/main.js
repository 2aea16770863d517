// The door of the fleet's page, its theme and its two views: the fleet, and one home by the address (#home=NAME).
import { request } from "../api.js";
import { el } from "../format.js";
import { addDoorListeners, applyTheme } from "../door.js";
import { t } from "../words.js";
import { listen, showFleet } from "./fleet.js";
import { listenHome, showHome } from "./home_view.js";

const REFRESH_MS = 60000;
let timer;

async function attempt(action) {
  try {
    await action();
    el("problem").hidden = true;
  } catch (error) {
    if (error.status === 401) return showLogin(el("content").hidden ? "" : t("The session has ended: log in again"));
    el("problem").textContent = error.message;
    el("problem").hidden = false;
  }
  return undefined;
}

function showLogin(why = "") {
  clearInterval(timer);
  el("problem").textContent = why;
  el("problem").hidden = !why;
  el("content").hidden = el("logout").hidden = true;
  el("login-card").hidden = false;
  el("token").focus();
}

const chosen = () => {
  const name = /^#home=(.+)$/.exec(location.hash)?.[1] ?? "";
  try {
    return decodeURIComponent(name);
  } catch {
    return name;  // a broken % in the address: a home of that name is told to be unknown
  }
};

async function show() {
  const site = chosen();
  await attempt(async () => {
    if (site) await showHome(site);
    else await showFleet();
    el("login-card").hidden = true;
    el("content").hidden = el("logout").hidden = false;
    el("view-home").hidden = !site;
    el("view-fleet").hidden = Boolean(site);
  });
}

async function enter() {
  await show();
  clearInterval(timer);
  timer = setInterval(() => document.hidden || el("content").hidden || show(), REFRESH_MS);
}

applyTheme();
addDoorListeners(async () => {
  await enter();
  el("main").focus();
}, () => attempt(async () => {
  await request("/logout", { method: "POST" });
  showLogin();
}));
listen(attempt);
listenHome();
window.addEventListener("hashchange", async () => {
  if (el("content").hidden) return;
  await show();
  if (chosen()) el("home-title").focus();
});
enter();
