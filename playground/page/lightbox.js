// Shows a picture at full size, with the other pictures of the same message.

import { h, icon } from "./dom.js";

export function openLightbox(images, index) {
  const picture = h("img", { class: "lightbox-picture" });
  const caption = h("p", { class: "lightbox-caption" });
  const original = h("a", { class: "plain-link", target: "_blank", rel: "noopener noreferrer" }, "Open the file");
  const arrow = (name, label, step) =>
    h("button", { type: "button", class: `lightbox-arrow is-${name}`, "aria-label": label, hidden: images.length < 2, onclick: () => show(index + step) }, icon(name, 28));
  const dialog = h("dialog", { class: "lightbox", "aria-label": "Picture" },
    h("button", { type: "button", class: "lightbox-close", "aria-label": "Close", onclick: () => dialog.close() }, icon("close", 24)),
    arrow("left", "Previous picture", -1),
    h("figure", {}, picture, h("figcaption", {}, caption, original)),
    arrow("right", "Next picture", 1));

  function show(wanted) {
    index = (wanted + images.length) % images.length;
    const { url, alt } = images[index];
    Object.assign(picture, { src: url, alt });
    original.href = url;
    caption.textContent = [images.length > 1 ? `${index + 1} of ${images.length}` : "", alt].filter(Boolean).join(" · ");
  }

  dialog.addEventListener("keydown", ({ key }) => {
    if (images.length > 1 && key === "ArrowLeft") show(index - 1);
    if (images.length > 1 && key === "ArrowRight") show(index + 1);
  });
  dialog.addEventListener("click", ({ target }) => {
    if (!target.closest("img, button, a, figcaption")) dialog.close();
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  show(index);
  dialog.showModal();
}
