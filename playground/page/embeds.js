// Embeds: framed cards with a coloured edge.

import { h } from "./dom.js";
import { hex } from "./components.js";
import { markdown, inline } from "./markdown.js";
import { picture } from "./media.js";
import { stamp } from "./time.js";

const safe = (url) => (/^https?:\/\//i.test(url ?? "") ? url : null);
const linked = (url, content) => (safe(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, content) : content);

export function embed(data, context) {
  const { names } = context;
  const foot = [data.footer?.text, data.timestamp && stamp(new Date(data.timestamp))].filter(Boolean).join(" • ");
  return h("article", { class: "embed", style: data.color ? `--accent-bar:${hex(data.color)}` : null },
    h("div", { class: "embed-body" },
      h("div", { class: "embed-text" },
        data.author && h("div", { class: "embed-author" }, smallIcon(data.author.icon_url), linked(data.author.url, data.author.name)),
        data.title && h("div", { class: "embed-title" }, linked(data.url, inline(data.title, names))),
        data.description && h("div", { class: "markdown" }, markdown(data.description, names)),
        data.fields?.length ? h("dl", { class: "fields" }, fields(data.fields, names)) : null),
      data.thumbnail && picture(context.media(data.thumbnail), { className: "thumbnail", fixed: 1 })),
    data.image && picture(context.media(data.image), { fit: { width: 480, height: 400 }, className: "embed-image" }),
    foot && h("footer", {}, smallIcon(data.footer?.icon_url), foot));
}

const smallIcon = (url) => (safe(url) ? h("img", { class: "small-icon", src: url, alt: "" }) : null);

/** Up to three inline fields share a row. */
function fields(list, names) {
  const spans = [];
  for (let index = 0; index < list.length; ) {
    let run = 0;
    while (run < 3 && list[index + run]?.inline) run += 1;
    const count = run || 1;
    for (let step = 0; step < count; step += 1) spans.push(run ? 12 / run : 12);
    index += count;
  }
  return list.map((field, index) =>
    h("div", { style: `grid-column:span ${spans[index]}` },
      h("dt", {}, inline(field.name, names)), h("dd", { class: "markdown" }, markdown(field.value, names))));
}
