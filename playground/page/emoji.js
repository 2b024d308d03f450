// Emoji drawn without a font: a machine without an emoji font would show empty boxes. Discord draws its own emoji too.

const SVG = "http://www.w3.org/2000/svg";

const disc = (color) => [["circle", { cx: 12, cy: 12, r: 9, fill: color }]];
const line = (d) => ["path", { d, fill: "none", stroke: "currentColor", "stroke-width": 2, "stroke-linecap": "round", "stroke-linejoin": "round" }];

const DRAWN = {
  "🟢": disc("#43b97a"),
  "🟡": disc("#e0b13b"),
  "🔴": disc("#d8534f"),
  "🔄": [line("M20 5v5h-5M4 19v-5h5M19.3 10A8 8 0 005.6 7.2M4.7 14a8 8 0 0013.7 2.8")],
  "🗑": [line("M4.5 7h15M9.5 7V4.5h5V7M6.5 7l1 12.5h9l1-12.5M10.2 11v5M13.8 11v5")],
};

const found = new RegExp(`(?:${Object.keys(DRAWN).join("|")})\\uFE0F?`, "gu");

/** Returns the text with its known emoji drawn: a list of texts and pictures. */
export function withEmoji(text) {
  const parts = [];
  let last = 0;
  for (const match of text.matchAll(found)) {
    parts.push(text.slice(last, match.index), drawing(match[0]));
    last = match.index + match[0].length;
  }
  return [...parts, text.slice(last)].filter((part) => part !== "");
}

function drawing(character) {
  const svg = document.createElementNS(SVG, "svg");
  const attributes = { viewBox: "0 0 24 24", width: "1.15em", height: "1.15em", class: "drawn-emoji", role: "img", "aria-label": character };
  for (const [key, value] of Object.entries(attributes)) svg.setAttribute(key, value);
  for (const [tag, shape] of DRAWN[character.replace("\uFE0F", "")]) {
    const element = document.createElementNS(SVG, tag);
    for (const [key, value] of Object.entries(shape)) element.setAttribute(key, value);
    svg.append(element);
  }
  return svg;
}
