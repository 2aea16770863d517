// Fields of forms: made from descriptions, read into the body of a request, and told what is wrong at their place.
import { plain } from "./api.js";
import { momentOf, node } from "./format.js";
import { attempt, now } from "./frame.js";
import { Working } from "./working.js";
import { locale, t } from "./words.js";

// What cannot be sent: told at the field as an answer of the service would be.
export class FieldError extends Error {
  constructor(name, message) {
    super(name ? `${name}: ${message}` : message);
    this.status = 422;
    this.reason = this.message;
  }
}

let made = 0;

// `name` is that of the request's field or of the setting; `options` ([value, words]) make a choice of it.
export function field({ name, label, hint = "", options, type = "number", ...attributes }) {
  const holder = node("div", null, { class: type === "checkbox" ? "field tick" : "field" });
  const id = `field-${made += 1}`;
  const control = node(options ? "select" : "input", null, { id, name, ...(options ? {} : { type }), ...attributes });
  if (type === "number") control.setAttribute("step", attributes.step ?? "any");
  for (const [value, words] of options ?? []) control.append(node("option", words, { value }));
  const parts = [node("label", label, { for: id }), control];
  if (type === "checkbox") parts.reverse();
  if (hint) {
    parts.push(node("small", hint, { id: `${id}-hint` }));
    control.setAttribute("aria-describedby", `${id}-hint`);
  }
  holder.append(...parts);
  return holder;
}

export function group(legend, ...fields) {
  const set = node("fieldset");
  set.append(node("legend", legend), ...fields);
  return set;
}

// What a group holds by name: numbers as numbers, ticks as true; what is empty is left out.
export function valuesOf(root) {
  const found = {};
  for (const control of root.querySelectorAll("[name]")) {
    if (control.disabled || control.closest("[hidden]")) continue;
    if (control.type === "checkbox") {
      if (control.checked) found[control.name] = true;
    } else if (control.validity.badInput) {
      throw new FieldError(control.name, t("this is no number"));
    } else if (control.value.trim() !== "") {
      found[control.name] = control.type === "number" ? Number(control.value) : control.value.trim();
    }
  }
  return found;
}

// The coming instant of a field of day and time, as it is sent.
export function instantOf(name, text, zone) {
  let moment;
  try {
    moment = momentOf(text, zone);
  } catch (error) {
    throw new FieldError(name, error.message);
  }
  if (moment <= now()) throw new FieldError(name, t("This time has passed."));
  return moment.toISOString();
}

// "5, 7.5, 10" as numbers; where a comma is the decimal sign, "5; 7,5; 10" and "5, 7,5, 10".
export function numbersOf(name, text) {
  const found = (text ?? "").split(/[\s;]+|,\s+/).filter(Boolean).flatMap(listed).map(Number);
  if (!found.length || !found.every(Number.isFinite)) throw new FieldError(name, t("write numbers with commas between, such as 5, 7.5, 10"));
  return found;
}

const listed = (part) => (hasDecimalComma() && /^\d+,\d+$/.test(part) ? [part.replace(",", ".")] : part.split(",").filter(Boolean));

export const hasDecimalComma = () => (1.5).toLocaleString(locale()).includes(",");

// A form of a row of fields whose first button sends it. `ask(action)` does one piece of work at a time and tells at its
// place what is wrong; `failed` comes before that is told.
export function asking({ fields, buttons: [go, ...others], failed = () => {} }) {
  const form = node("form", null, { class: "fields", novalidate: "" }), row = node("div", null, { class: "row" });
  const problem = node("p", "", { class: "problem", role: "alert", hidden: "" }), buttons = node("div", null, { class: "go" });
  row.append(...fields);
  buttons.append(go, ...others);
  form.append(row, problem, buttons);
  const working = new Working(go);
  const ask = async (action) => {
    forgetErrors(form);
    problem.hidden = true;
    try {
      await working.run(action);
    } catch (error) {
      failed();
      tellErrors(form, problem, error);
    }
  };
  return { form, ask };
}

export function sentBy(form, send) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
}

export function forgetErrors(form) {
  for (const told of form.querySelectorAll(".wrong")) told.remove();
  for (const control of form.querySelectorAll("[aria-invalid]")) {
    control.removeAttribute("aria-invalid");
    control.removeAttribute("aria-errormessage");
  }
}

// Tell an answer that refuses what was sent: each part at the field that it names, the rest at `summary`.
// Parts are "body.load_scale: why; battery.capacity_kwh: why", as the service writes them; `query.` stands before those of an address.
export function tellErrors(form, summary, error) {
  if (error.status === 401) return attempt(() => { throw error; });  // the token is asked for
  if (error.status === 0) {  // the page asks again by itself for what it shows, and for nothing that a person asks
    summary.textContent = t("The service does not answer: ask again when it does.");
    summary.hidden = false;
    return undefined;
  }
  const rest = [];
  let first = null;
  for (const part of (error.reason ?? error.message).split("; ")) {
    const [, path, why] = /^(?:(?:body|query)\.)?([\w.]+): (.*)$/s.exec(part) ?? [null, "", part];
    const control = controlOf(form, path);
    if (!control) {
      rest.push(plain(part));
      continue;
    }
    const id = `${control.id}-wrong`;
    if (control.getAttribute("aria-errormessage") === id) continue;
    control.setAttribute("aria-invalid", "true");
    control.setAttribute("aria-errormessage", id);
    control.closest(".field").append(node("p", why, { class: "wrong", id }));
    for (let around = control.closest("details"); around; around = around.parentElement.closest("details")) around.open = true;
    first ??= control;
  }
  const hint = error.hint ? `: ${error.hint}` : "";
  summary.textContent = rest.length ? `${rest.join("; ")}${hint}` : t("Some fields are wrong: each says what.");
  summary.hidden = false;
  if (first) first.focus();
  return undefined;
}

// Of `tariff.0.vat` the field `tariff.vat` is meant, of `added_loads.0.start` the load's, of `tarif` that of `tarif.vat`.
function controlOf(form, path) {
  const plain = path.replace(/\.\d+(?=\.|$)/g, "");
  const named = [...form.querySelectorAll("[name], [data-setting]")].filter((control) => !control.disabled && !control.closest("[hidden]"))
    .map((control) => [control.dataset.setting || control.name, control]);
  for (let name = plain; name; name = name.slice(0, Math.max(name.lastIndexOf("."), 0))) {
    const found = named.find(([own]) => own === name);
    if (found) return found[1];
  }
  return plain ? named.find(([own]) => own.startsWith(`${plain}.`))?.[1] : null;
}
