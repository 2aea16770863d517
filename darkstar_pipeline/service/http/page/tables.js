// Tables, definitions and bars from values.
import { node } from "./format.js";
import { shape } from "./timeline/chart.js";

const LONG = 40;  // characters

// A table: the names of its columns, and rows of texts or elements, the first of each its heading. Columns of words stand left.
export function table(names, rows, { caption } = {}) {
  const made = node("table");
  if (caption) made.append(node("caption", caption));
  const wordy = names.map((_, index) => rows.some((row) => typeof row[index] === "string" && /\p{L}{3}/u.test(row[index])));
  const long = names.map((_, index) => rows.some((row) => typeof row[index] === "string" && row[index].length > LONG));
  const line = (cells, scope, tag) => {
    const row = node("tr");
    row.append(...cells.map((cell, index) => {
      const heads = !index || tag === "th";
      const place = node(heads ? "th" : "td", null, { ...(heads ? { scope } : {}), ...(wordy[index] ? { class: long[index] ? "words long" : "words" } : {}) });
      place.append(cell);
      return place;
    }));
    return row;
  };
  made.append(line(names, "col", "th"), ...rows.map((cells) => line(cells, "row", "td")));
  return made;
}

// A table that scrolls sideways inside itself, by keyboard too.
export function scrolled(made, label) {
  const holder = node("div", null, { class: "scroll whole", tabindex: "0", role: "region", "aria-label": label });
  holder.append(made);
  return holder;
}

// A bar: how much of what was wanted there is, both as shares of the longest.
export function bar(wanted, real, most) {
  const width = 120, height = 14, scale = most > 0 ? width / most : 0;
  const drawn = shape("svg", { viewBox: `0 0 ${width + 2} ${height}`, width: width + 2, height, "aria-hidden": "true", class: "bar" });
  shape("rect", { class: "wanted", x: 1, y: 1, width: wanted * scale, height: height - 2 }, drawn);
  shape("rect", { class: "real", x: 1, y: 4, width: real * scale, height: height - 8 }, drawn);
  return drawn;
}

export function card(title, ...parts) {
  const made = node("section", null, { class: "card" });
  made.append(node("h2", title), ...parts);
  return made;
}
