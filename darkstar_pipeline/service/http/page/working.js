// Long work asked for by a button: one at a time, with its progress, and an end before its time.
import { request } from "./api.js";
import { node } from "./format.js";
import { attempt } from "./frame.js";
import { t } from "./words.js";

const ASK_MS = 1000;

export class Working {
  // `button` starts the work and is not to be pressed meanwhile; progress and "Cancel" stand behind it.
  constructor(button) {
    this.button = button;
    this.busy = false;
    this.panel = node("div", null, { class: "working", hidden: "" });
    this.bar = node("progress", null, { max: "1", "aria-label": t("Progress") });
    this.words = node("span", "", { role: "status" });
    this.end = node("button", t("Cancel"), { type: "button" });
    this.end.addEventListener("click", () => this.stop?.abort());
    this.panel.append(this.bar, this.words, this.end);
    button.after(this.panel);
  }

  // `action({signal, told})` does the work; `told(share)` shows how far it is. False where it was cancelled or under way.
  async run(action) {
    if (this.busy) return false;
    this.busy = this.button.disabled = true;
    this.panel.hidden = false;
    this.stop = new AbortController();
    this.bar.removeAttribute("value");
    const began = Date.now();
    let share = null;
    const say = () => {
      const seconds = Math.round((Date.now() - began) / 1000);
      this.words.textContent = share === null ? t("working, {seconds} s", { seconds })
        : t("{percent} % done, {seconds} s", { percent: Math.round(100 * share), seconds });
    };
    const told = (done) => {
      share = done;
      this.bar.value = done;
      say();
    };
    say();
    const ticking = setInterval(say, 1000);
    try {
      await action({ signal: this.stop.signal, told });
      return true;
    } catch (error) {
      if (!this.stop.signal.aborted) throw error;
      return false;
    } finally {
      clearInterval(ticking);
      this.panel.hidden = true;
      this.busy = this.button.disabled = false;
    }
  }
}

// A calculation that the service does in the background: begin it, or go on with one of this browser, and wait for its answer.
export async function background(path, body, { signal, told }) {
  const key = `job ${path}`;
  const id = body === null ? sessionStorage.getItem(key) : (await request(path, { method: "POST", body })).id;
  sessionStorage.setItem(key, id);
  const cancel = () => request(`${path}/${id}`, { method: "DELETE" });
  try {
    for (;;) {
      if (signal.aborted) {
        await cancel();
        throw new DOMException("cancelled", "AbortError");
      }
      const job = await stateOf(`${path}/${id}`);
      if (job?.state === "done") return job.result;
      if (job && job.state !== "running") throw new Error(job.error || t("It was cancelled."));
      if (job) told(job.progress);
      await new Promise((go) => {
        const waiting = setTimeout(go, ASK_MS);
        signal.addEventListener("abort", () => { clearTimeout(waiting); go(); }, { once: true });
      });
    }
  } finally {
    sessionStorage.removeItem(key);
  }
}

// How a job is; null where that cannot be known just now: it goes on without a session, and while the service is away.
async function stateOf(path) {
  try {
    return await request(path);
  } catch (error) {
    if (error.status === 404) throw new Error(t("The service was started anew and knows nothing of this calculation: begin it again."));
    if (error.status === 401) await attempt(() => { throw error; });
    else if (error.status !== 0) throw error;
    return null;
  }
}

export const isUnderWay = (path) => sessionStorage.getItem(`job ${path}`) !== null;
