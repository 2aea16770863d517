// Every word that the page shows goes through `t`, with its English as the key.

// `t("until {time}", { time: "07:00" })`; the place of a value is named, since languages order them otherwise.
export function t(text, values = {}) {
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

// Put the words of index.html into the reader's language: elements with `data-t` hold text, `data-t-label` names a label.
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.textContent);
  for (const element of root.querySelectorAll("[data-t-label]")) {
    element.setAttribute("aria-label", t(element.getAttribute("aria-label")));
  }
}
