// Times in words. One timer updates the relative ones ("in 12 seconds").

const STYLES = {
  t: { timeStyle: "short" },
  T: { timeStyle: "medium" },
  d: { dateStyle: "short" },
  D: { dateStyle: "long" },
  f: { dateStyle: "long", timeStyle: "short" },
  F: { dateStyle: "full", timeStyle: "short" },
};
const UNITS = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

export const clock = (date) => date.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
export const day = (date) => date.toLocaleDateString([], { dateStyle: "long" });
export const full = (date) => date.toLocaleString([], { dateStyle: "full", timeStyle: "short" });

/** Returns the time in the head of a message. */
export function stamp(date) {
  const today = new Date();
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1);
  if (date.toDateString() === today.toDateString()) return `Today at ${clock(date)}`;
  if (date.toDateString() === yesterday.toDateString()) return `Yesterday at ${clock(date)}`;
  return `${date.toLocaleDateString([], { dateStyle: "short" })} ${clock(date)}`;
}

export function relative(date) {
  const seconds = Math.round((date - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, size]) => Math.abs(seconds) >= size) ?? UNITS.at(-1);
  return new Intl.RelativeTimeFormat("en", { numeric: "always" }).format(Math.trunc(seconds / size), unit);
}

/** Returns the text of <t:unix:style>. */
export function timestamp(unix, style = "f") {
  const date = new Date(unix * 1000);
  const element = document.createElement("time");
  element.dateTime = Number.isNaN(date.getTime()) ? "" : date.toISOString();
  element.title = element.dateTime && full(date);
  element.className = "timestamp";
  if (style === "R") element.dataset.relative = String(unix);
  element.textContent = style === "R" ? relative(date) : date.toLocaleString([], STYLES[style] ?? STYLES.f);
  return element;
}

setInterval(() => {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const text = relative(new Date(element.dataset.relative * 1000));
    if (element.textContent !== text) element.textContent = text;
  }
}, 1000);
