// What a what-if changes: fields of the usual settings, rows for any other, another house, relaxed economics.
import { field, FieldError, group, hasDecimalComma, valuesOf } from "./forms.js";
import { node } from "./format.js";
import { t } from "./words.js";

const SETTINGS = "settings", HOUSE = "house", RELAXED = "relaxed";

export function changesFields() {
  const holder = node("div", null, { class: "changes" });
  const rows = node("div", null, { class: "rows" });
  const more = node("button", t("Another setting"), { type: "button" });
  more.addEventListener("click", () => addRow(rows).querySelector("input").focus());
  const free = group(t("Any other setting"), node("p", t("Names as in darkstar.yaml, such as tariff.vat with 0.25, or tariff.power with {power}.", { power: "[{price_per_kw: 81.25}]" }), { class: "quiet" }), rows, more);
  const relaxed = node("details");
  relaxed.append(node("summary", t("Relaxed economics")),
    node("p", t("Changes what energy and wear cost though nothing has changed; the result says so beside every figure."), { class: "quiet" }),
    part(RELAXED, t("Relaxed economics"),
      field({ name: "no_wear", label: t("Wear of the battery costs nothing"), type: "checkbox" }),
      field({ name: "no_margins", label: t("The optimiser writes every command anew"), type: "checkbox" }),
      field({ name: "export_price_min", label: t("Export is paid at least [per kWh]") }),
      field({ name: "export_price_max", label: t("Export is paid at most [per kWh]") })));
  holder.append(
    part(SETTINGS, t("Battery and fuse"),
      field({ name: "battery.capacity_kwh", label: t("Capacity [kWh]"), min: 0 }),
      field({ name: "battery.charge_kw", label: t("Charging power [kW]"), min: 0 }),
      field({ name: "battery.discharge_kw", label: t("Discharging power [kW]"), min: 0 }),
      field({ name: "battery.wear_cost_per_kwh", label: t("Wear [per kWh]"), min: 0 }),
      field({ name: "limits.import_kw", label: t("Import limit [kW]"), min: 0 }),
      field({ name: "limits.export_kw", label: t("Export limit [kW]"), min: 0 })),
    part(HOUSE, t("House and area"),
      field({ name: "load_scale", label: t("Load, times"), min: 0, placeholder: "1" }),
      field({ name: "pv_scale", label: t("Panels, times"), min: 0, placeholder: "1" }),
      field({ name: "added_kw", label: t("Added load every day [kW]"), min: 0, "data-setting": "added_loads.kw" }),
      field({ name: "added_start", label: t("from"), type: "time", step: "900", "data-setting": "added_loads.start" }),
      field({ name: "added_end", label: t("to"), type: "time", step: "900", "data-setting": "added_loads.end" }),
      field({ name: "area", label: t("Price area"), type: "text", placeholder: "SE4", hint: t("one that another site has prices of") })),
    free, relaxed);
  addRow(rows);
  return holder;
}

function part(name, legend, ...fields) {
  const made = group(legend, ...fields);
  made.dataset.part = name;
  return made;
}

function addRow(rows) {
  const name = field({ name: "", label: t("Setting"), type: "text", placeholder: "tariff.vat", spellcheck: "false", autocapitalize: "off" });
  const value = field({ name: "", label: t("Value"), type: "text", placeholder: "0.25", spellcheck: "false", autocapitalize: "off" });
  const row = node("div", null, { class: "row" });
  const control = name.querySelector("input");
  control.addEventListener("input", () => { control.dataset.setting = control.value.trim(); });
  row.append(name, value);
  rows.append(row);
  return row;
}

// The changes by the names of the request.
export function readChanges(holder) {
  const of = (name) => valuesOf(holder.querySelector(`[data-part="${name}"]`));
  const { added_kw: kw, added_start: start, added_end: end, ...house } = of(HOUSE);
  const settings = { ...of(SETTINGS), ...freeSettings(holder.querySelectorAll(".row")) };
  const body = { ...house, ...of(RELAXED) };
  if (kw !== undefined) {
    if (!start || !end) throw new FieldError(start ? "added_loads.end" : "added_loads.start", t("say from when to when the load runs"));
    body.added_loads = [{ kw, start, end }];
  }
  if (Object.keys(settings).length) body.settings = settings;
  return body;
}

function freeSettings(rows) {
  const found = {};
  for (const row of rows) {
    const [name, value] = [...row.querySelectorAll("input")].map((control) => control.value.trim());
    if (name) found[name] = settingValue(value);
    else if (value) throw new FieldError("", t("a value without the name of its setting: {value}", { value }));
  }
  return found;
}

// A value as it would stand in darkstar.yaml: numbers, true, null, lists and sections with or without quoted names; else text.
export function settingValue(text) {
  if (hasDecimalComma() && /^-?\d+,\d+$/.test(text)) return Number(text.replace(",", "."));
  const quoted = text.replace(/([{,]\s*)([A-Za-z_]\w*)\s*:/g, '$1"$2":');
  try {
    return JSON.parse(quoted);
  } catch {
    return text;
  }
}
