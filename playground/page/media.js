// Pictures that get sharper step by step: the old picture stays until the new one can be painted.

import { h, icon } from "./dom.js";

const learned = new Map(); // url -> width / height, when the message does not contain the size

const ratioOf = ({ url, width, height }) => (width && height ? width / height : learned.get(url) ?? null);

export const isPicture = ({ content_type: type, filename, url }) =>
  type ? type.startsWith("image/") : /\.(png|jpe?g|webp|gif|avif)(\?|$)/i.test(filename ?? url ?? "");

/** One picture in a box of known shape. `fit` is the maximum size: {width, height}. */
export function picture(media, { alt = "", spoiler = false, fit = null, fixed = null, className = "" } = {}) {
  const ratio = fixed ?? ratioOf(media);
  const style = [`aspect-ratio:${ratio ?? 1}`];
  if (fit) style.push(`width:min(100%, ${Math.round(Math.min(fit.width, fit.height * (ratio ?? 1)))}px)`);
  return h("div", {
    class: `picture ${className}${spoiler ? " is-spoiler" : ""}`,
    style: style.join(";"),
    "data-unsized": ratio ? null : "",
    "data-fit": fit ? `${fit.width}x${fit.height}` : null,
  },
    h("button", { type: "button", class: "zoom", "data-action": "zoom", "aria-label": alt ? `Open picture: ${alt}` : "Open picture" },
      h("img", { "data-src": media.url, alt, draggable: "false" })),
    spoiler && h("button", { type: "button", class: "cover", "data-action": "reveal", "aria-label": "Reveal spoiler" }, h("span", {}, "Spoiler")));
}

// The number of tiles in each row, by number of pictures.
const ROWS = {
  1: [1], 2: [2], 3: [3], 4: [2, 2], 5: [2, 3], 6: [3, 3], 7: [1, 3, 3], 8: [2, 3, 3], 9: [3, 3, 3], 10: [1, 3, 3, 3],
};

/** items: [{media, description, spoiler}] */
export function gallery(items, fit = { width: 560, height: 420 }) {
  if (items.length === 1) {
    const [{ media, description, spoiler }] = items;
    return h("div", { class: "gallery" }, picture(media, { alt: description ?? "", spoiler, fit }));
  }
  const ratios = new Set(items.map(({ media }) => ratioOf(media)?.toFixed(2)));
  // Pictures of one shape keep it. Mixed shapes are cut to squares and shown whole when opened.
  const [common] = ratios;
  const fixed = ratios.size === 1 && common ? Math.min(2, Math.max(0.5, Number(common))) : 1;
  const lines = ROWS[Math.min(items.length, 10)];
  const spans = lines.flatMap((count) => Array(count).fill(6 / count));
  const width = lines[0] === 2 && lines.length === 2 ? Math.min(fit.width, fit.height * fixed * 1.15) : fit.width;
  return h("div", { class: "gallery many", style: `max-width:${Math.round(width)}px` },
    items.slice(0, 10).map(({ media, description, spoiler }, index) => {
      const tile = picture(media, { alt: description ?? "", spoiler, fixed: spans[index] === 6 ? 2 : fixed });
      tile.style.gridColumn = `span ${spans[index]}`;
      return tile;
    }));
}

export function fileCard({ url, name, size }, spoiler = false) {
  const card = h("a", { class: `file${spoiler ? " is-spoiler" : ""}`, href: url, target: "_blank", rel: "noopener noreferrer", download: name },
    icon("file", 28),
    h("span", { class: "file-text" }, h("span", { class: "file-name" }, name), size ? h("span", { class: "file-size" }, bytes(size)) : null));
  return card;
}

export function bytes(size) {
  if (size < 1024) return `${size} bytes`;
  return size < 1048576 ? `${(size / 1024).toFixed(1)} KB` : `${(size / 1048576).toFixed(2)} MB`;
}

/** Starts loading every `data-src` of a new or changed tree. */
export function loadPictures(root) {
  for (const image of root.querySelectorAll("img[data-src]")) {
    const url = image.dataset.src;
    if (image.dataset.shown === url) continue;
    if (!image.hasAttribute("src")) {
      image.dataset.shown = url;
      image.addEventListener("load", () => learn(image), { once: true });
      image.addEventListener("error", () => image.closest(".picture")?.classList.add("is-broken"), { once: true });
      image.src = url;
    } else {
      exchange(image, url);
    }
  }
}

/** Replaces the shown element by a decoded one, so that every painted frame contains a picture. */
async function exchange(image, url) {
  if (image.dataset.next === url) return;
  image.dataset.next = url;
  const next = new Image();
  next.src = url;
  try {
    await next.decode();
  } catch {
    return; // the old picture is better than none
  }
  if (image.dataset.src !== url || !image.isConnected) return;
  for (const { name, value } of [...image.attributes]) if (!["src", "data-next"].includes(name)) next.setAttribute(name, value);
  next.dataset.shown = url;
  image.replaceWith(next);
  learn(next);
}

function learn(image) {
  const box = image.closest(".picture");
  const { naturalWidth: width, naturalHeight: height } = image;
  if (!width || !height) return;
  box?.classList.remove("is-broken");
  learned.set(image.dataset.src, width / height);
  if (!box?.hasAttribute("data-unsized")) return;
  box.setAttribute("data-learned", "");
  box.style.aspectRatio = String(width / height);
  if (box.dataset.fit) {
    const [most, high] = box.dataset.fit.split("x").map(Number);
    box.style.width = `min(100%, ${Math.round(Math.min(most, (high * width) / height))}px)`;
  }
}
