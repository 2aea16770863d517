// Numbers and times for people, in the time zone of the home, wherever the browser is.
import { locale, spoken, t } from "./words.js";

export const SLOT_MS = 900000, DAY_MS = 86400000;
export const LEAST_MONEY = 0.005;  // less is no cent

export const el = (id) => document.getElementById(id);

export function node(name, text, attributes = {}) {
  const element = document.createElement(name);
  if (text !== undefined && text !== null) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// Put nodes in the place of what a holder has; what is the same stays, with the focus, and is not read out again.
export function fill(holder, ...nodes) {
  const fresh = holder.cloneNode(false);
  fresh.append(...nodes);
  if (fresh.innerHTML !== holder.innerHTML) holder.replaceChildren(...fresh.childNodes);
}

export const number = (value, digits = 2) =>
  isKnown(value) ? decimal(value.toFixed(digits).replace("-", "−")) : "–";

export const isKnown = (value) => value !== null && value !== undefined;

export const figure = (value) => decimal(String(value).replace("-", "−"));

const decimal = (text) => (spoken() === "en" ? text : text.replace(".", ","));

export const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1);

const forms = new Map();

function form(zone, options) {
  const key = `${locale()} ${zone} ${JSON.stringify(options)}`;
  if (!forms.has(key)) forms.set(key, new Intl.DateTimeFormat(locale(), { timeZone: zone, hourCycle: "h23", ...options }));
  return forms.get(key);
}

export const clock = (moment, zone) => form(zone, { hour: "2-digit", minute: "2-digit" }).format(new Date(moment));
export const weekday = (moment, zone) =>
  form(zone, { weekday: "short", day: "numeric", month: "short" }).format(new Date(moment));
export const stamp = (moment, zone) => `${weekday(moment, zone)} ${clock(moment, zone)}`;

export function parts(moment, zone) {
  const found = form(zone, { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" })
    .formatToParts(new Date(moment));
  return Object.fromEntries(found.map((part) => [part.type, part.value]));
}

export function localDay(moment, zone) {
  const found = parts(moment, zone);
  return `${found.year}-${found.month}-${found.day}`;
}

// The moment at which the home's clock shows `text` (2026-01-31T07:00); of a repeated hour the first, of a skipped one none.
export function momentOf(text, zone) {
  const wanted = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/.test(text) ? Date.parse(`${text}:00Z`) : NaN;
  if (Number.isNaN(wanted)) throw new Error(t("Choose a day and a time of day."));
  const shown = (moment) => {
    const found = parts(moment, zone);
    return Date.parse(`${found.year}-${found.month}-${found.day}T${found.hour}:${found.minute}:00Z`);
  };
  let guess = wanted;
  for (let round = 0; round < 3; round += 1) guess -= shown(guess) - wanted;
  if (shown(guess - 3600000) === wanted) guess -= 3600000;
  if (shown(guess) !== wanted) throw new Error(t("The clock leaves this hour out that day: choose another."));
  return new Date(guess);
}

export function ago(moment, now) {
  const minutes = Math.max(Math.round((now - Date.parse(moment)) / 60000), 0);
  if (minutes < 1) return t("just now");
  if (minutes < 120) return t("{minutes} min ago", { minutes });
  if (minutes < 2880) return t("{hours} h ago", { hours: Math.round(minutes / 60) });
  return t("{days} days ago", { days: Math.round(minutes / 1440) });
}
