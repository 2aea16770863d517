// The door of a page: its language and theme, its login and logout.
import { request } from "./api.js";
import { el } from "./format.js";
import { choose, spoken } from "./words.js";

// `entered` is called after the login, `left` where the person logs out.
export function addDoorListeners(entered, left) {
  el("language").value = spoken();
  el("language").addEventListener("change", () => choose(el("language").value));
  el("login").addEventListener("submit", (event) => {
    event.preventDefault();
    request("/login", { method: "POST", body: { token: el("token").value } }).then(() => {
      el("token").value = "";
      el("problem").hidden = true;
      return entered();
    }, (error) => {
      el("problem").textContent = error.message;
      el("problem").hidden = false;
    });
  });
  el("logout").addEventListener("click", left);
  el("skip").addEventListener("click", (event) => {
    event.preventDefault();  // a hash names a view
    el("main").focus();
  });
}

export function applyTheme() {
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
