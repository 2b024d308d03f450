// Builds elements from data, and the few icons. Text always becomes text nodes, never HTML.

const SVG = "http://www.w3.org/2000/svg";

/** h("button", {class: "x", onclick: f}, "text", node, null, [more]) */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  append(element, children);
  return element;
}

export function append(parent, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    parent.append(child instanceof Node ? child : String(child));
  }
  return parent;
}

const PATHS = {
  close: "M6 6l12 12M18 6L6 18",
  chevron: "M7 10l5 5 5-5",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  external: "M9 5H5v14h14v-4M13 5h6v6M19 5l-8 8",
  file: "M7 3h7l4 4v14H7zM14 3v4h4",
  check: "M5 12.5l4.5 4.5L19 7.5",
  upload: "M12 16V5M7 9.5L12 4.5l5 5M5 19.5h14",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 14.5a2.5 2.5 0 100-5 2.5 2.5 0 000 5z",
  reply: "M10 7L5 12l5 5M5 12h9a5 5 0 015 5v1",
  alert: "M12 8v5M12 16.5h.01M12 3l9.5 17h-19z",
  hash: "M9.5 4L8 20M16 4l-1.5 16M4.5 9h16M3.5 15h16",
  lock: "M7 11V8a5 5 0 0110 0v3M5.5 11h13v9h-13z",
};

/** A line icon, decorative only: the control around it carries the accessible name. */
export function icon(name, size = 20) {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  for (const [key, value] of Object.entries({
    viewBox: "0 0 24 24", width: size, height: size, fill: "none", stroke: "currentColor",
    "stroke-width": name === "more" ? 3 : 1.8, "stroke-linecap": "round", "stroke-linejoin": "round",
    "aria-hidden": "true", class: "icon",
  })) svg.setAttribute(key, value);
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

const HUES = [12, 36, 88, 152, 186, 214, 262, 320];

/** A circle with the initial. The colour depends on the id, so it is the same everywhere. */
export function avatar(user, size = 40) {
  const name = displayName(user);
  const hue = HUES[[...String(user.id)].reduce((sum, digit) => sum + Number(digit) || 0, 0) % HUES.length];
  const circle = h("span", {
    class: "avatar", "aria-hidden": "true",
    style: `--size:${size}px;--hue:${hue}`,
  }, user.bot ? h("span", { class: "mark" }) : (name[0] ?? "?").toUpperCase());
  if (user.avatar) {
    const picture = h("img", { src: `/cdn/avatars/${user.id}/${user.avatar}.png?size=128`, alt: "" });
    picture.addEventListener("error", () => picture.remove());
    circle.append(picture);
  }
  return circle;
}

export const displayName = (user) => user?.global_name || user?.username || "someone";
