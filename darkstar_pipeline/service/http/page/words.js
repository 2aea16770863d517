// The page's language: sentences by their English, and how numbers and dates are written in it.
// The person's choice comes first, then the browser's languages, then the site's setting; the service decides.

const LOCALES = { en: "en-GB", sv: "sv-SE", de: "de-DE" };
const SHOWN = ["aria-label", "placeholder", "title", "alt"];
const PLACE = /^[a-z ]+\|/;  // what tells two meanings of one English text apart stands before a bar
let language = localStorage.getItem("language"), messages = {};

export const spoken = () => language;
export const locale = () => LOCALES[language] ?? LOCALES.en;

// t("saves {money}", { money: "4.10 SEK" }): every text that people read. The sentence is written out, never put together.
export function t(sentence, values = {}) {
  const known = messages[sentence] ?? sentence.replace(PLACE, "");
  return known.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

export function choose(chosen) {
  localStorage.setItem("language", chosen);
  location.reload();
}

// The texts and labels that stand in index.html; what stays as it is has translate="no".
function translate(root) {
  const texts = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode.data, core = text.trim().replace(/\s+/g, " ");
    if (core in messages) texts.currentNode.data = text.replace(text.trim(), () => messages[core]);
  }
  for (const name of SHOWN) {
    for (const element of root.querySelectorAll(`[${name}]`)) {
      const text = element.getAttribute(name);
      if (text in messages) element.setAttribute(name, messages[text]);
    }
  }
}

// Modules that import this one wait here, so that even their constants are in the page's language.
try {
  const headers = language in LOCALES ? { "accept-language": language } : {};
  const answer = await fetch("messages", { headers, signal: AbortSignal.timeout(5000) });
  if (!answer.ok) throw new Error(answer.statusText);
  ({ language, messages } = await answer.json());
} catch {
  language = "en";  // the page speaks English until the service answers
}
document.documentElement.lang = language;
translate(document.documentElement);
