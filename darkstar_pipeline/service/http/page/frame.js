// The frame of the page: the views by hash, the refresh every fifteen seconds, and what could not be fetched.
//
// A view is a module `views/NAME.js` that exports `view`; main.js lists them in the order of the navigation:
//   name            its hash: `#report` shows `<section id="view-report">`, which is made where index.html has none
//   title           its name in the navigation
//   build(section)  called once, before it is shown first: fills the section, adds listeners
//   show()          called whenever it comes to sight
//   refresh()       called every fifteen seconds while it is seen, after `state` is fresh
// `show` and `refresh` may be asynchronous; what they throw is told above the view.
import { request } from "./api.js";
import { clock, el, node } from "./format.js";
import { t } from "./words.js";

const REFRESH_MS = 15000;
// What all views rest on: the last answers of /plan and /command, and since when there is none.
export const state = { plan: null, command: null, zone: "UTC", skew: 0, fetchedAt: null, lostAt: null };
let views = [], shown = null, open = false, timer, login = () => {};

export const now = () => Date.now() + state.skew;

// Run an action and tell its failure above the view; without a session ask for the token.
export async function attempt(action) {
  try {
    await action();
    el("problem").hidden = true;
  } catch (error) {
    if (error.status === 401) return login();
    el("problem").textContent = error.message;
    el("problem").hidden = false;
  }
  return undefined;
}

// `askForToken` is called where there is no session.
export function start(listed, askForToken) {
  [views, login] = [listed, askForToken];
  for (const view of views) {
    const link = node("a", view.title, { href: `#${view.name}`, "data-view": view.name });
    el("views").append(link);
    if (!sectionOf(view)) el("content").append(node("section", null, { id: `view-${view.name}`, "aria-label": view.title, hidden: "" }));
  }
  window.addEventListener("hashchange", () => open && follow());
  document.addEventListener("visibilitychange", () => document.hidden || !open || refresh());
}

const sectionOf = (view) => el(`view-${view.name}`);

export async function begin() {
  open = true;
  await refresh();
  if (!open) return;
  await follow();
  clearInterval(timer);
  timer = setInterval(() => document.hidden || refresh(), REFRESH_MS);
}

export function stop() {
  clearInterval(timer);
  shown = null;
  open = false;
  tellLoss(null);
}

// Show the view that the address names; the first one where it names none.
async function follow() {
  const name = location.hash.slice(1);
  const wanted = views.find((view) => view.name === name) ?? shown ?? views[0];
  if (wanted === shown) return;
  shown = wanted;
  for (const view of views) sectionOf(view).hidden = view !== wanted;
  for (const link of el("views").children) {
    if (link.dataset.view === wanted.name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!wanted.built) {
    wanted.built = true;
    wanted.build?.(sectionOf(wanted));
  }
  await attempt(async () => {
    await wanted.show?.();
    if (state.plan) await wanted.refresh?.();
  });
}

export async function refresh() {
  try {
    const [plan, command] = await Promise.all([request("/plan"), request("/command")]);
    const starts = Date.parse(command.slot_start), wrong = starts > Date.now() || Date.parse(command.expires_at) < Date.now();
    Object.assign(state, { plan, command, zone: plan.timezone, fetchedAt: Date.now(), lostAt: null });
    state.skew = wrong ? starts - Date.now() : 0;  // a service that runs at another time (--at)
    el("site").textContent = plan.site;
  } catch (error) {
    if (error.status === 401) return login();
    state.lostAt ??= Date.now();
    return tellLoss(error);
  }
  tellLoss(null);
  if (shown) await attempt(() => shown.refresh?.());
  return undefined;
}

// What was fetched stays to be read, marked as old: grey, with its time.
function tellLoss(error) {
  document.body.classList.toggle("stale", error !== null);
  el("lost").hidden = error === null;
  if (error === null) return;
  const values = { reason: error.reason ?? error.message, since: clock(state.lostAt, state.zone) };
  const what = t("{reason}, since {since}. The page asks again every 15 seconds by itself.", values);
  const old = state.fetchedAt ? t("What you see is from {time}.", { time: clock(state.fetchedAt, state.zone) }) : "";
  el("lost").textContent = `${what} ${old}`.trim();
}

// Something that was changed takes effect with the next plan: wait for it, also where another is being made just now.
export async function replan() {
  const answer = await request("/replan", { method: "POST" });
  const isOld = async () => new Date((await request("/plan")).created_at) < new Date(answer.asked_at);
  for (let tries = 0; answer.pending && tries < 120 && await isOld(); tries += 1) {
    await new Promise((done) => setTimeout(done, 1000));
  }
  await refresh();
}

// Ask before something that is stored with its reason; `refused` gets an answer that is not yes.
export function confirmMove({ title, warning = "", yes = t("Confirm") }, path, body, refused = (error) => { throw error; }) {
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
