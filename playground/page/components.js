// Message components: rows of buttons and selects, and all of Components V2. A press is named by data-action and handled in
// app.js, so that rendering stays pure.

import { append, h, icon } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { fileCard, gallery, picture } from "./media.js";
import { markdown } from "./markdown.js";

const BUTTONS = { 1: "primary", 2: "secondary", 3: "success", 4: "danger", 5: "link", 6: "premium" };
const PLACEHOLDERS = { 3: "Make a selection", 5: "Select a member", 6: "Select a role", 7: "Select a member or role", 8: "Select a channel" };

/** context: {names, isBusy(customId), options(select), chosen(customId), media(media) -> media with a usable url} */
export function components(list, context) {
  return (list ?? []).map((component) => RENDER[component.type]?.(component, context) ?? null);
}

const RENDER = {
  1: (row, context) => h("div", { class: "row" }, components(row.components, context)),
  2: button,
  3: select, 5: select, 6: select, 7: select, 8: select,
  9: (section, context) =>
    h("div", { class: "section" },
      h("div", { class: "section-text" }, components(section.components, context)),
      h("div", { class: "section-accessory" }, components([section.accessory], context))),
  10: (text, context) => h("div", { class: "markdown" }, markdown(text.content, context.names)),
  11: (thumbnail, context) =>
    picture(context.media(thumbnail.media), { alt: thumbnail.description ?? "", spoiler: thumbnail.spoiler, className: "thumbnail", fixed: 1 }),
  12: (component, context) =>
    gallery(component.items.map((item) => ({ ...item, media: context.media(item.media) }))),
  13: (component, context) => {
    const media = context.media(component.file);
    return fileCard({ url: media.url, name: component.name ?? media.filename ?? nameIn(media.url), size: component.size ?? media.size }, component.spoiler);
  },
  14: (separator) =>
    h("div", { class: `separator${separator.divider === false ? " is-blank" : ""}${separator.spacing === 2 ? " is-large" : ""}`, role: separator.divider === false ? null : "separator" }),
  17: (container, context) => {
    const color = container.accent_color;
    return h("div", {
      class: `container${container.spoiler ? " is-spoiler" : ""}`,
      style: color === null || color === undefined ? null : `--accent-bar:${hex(color)}`,
    },
      components(container.components, context),
      container.spoiler && h("button", { type: "button", class: "cover", "data-action": "reveal", "aria-label": "Reveal spoiler" }, h("span", {}, "Spoiler")));
  },
};

export const hex = (color) => `#${color.toString(16).padStart(6, "0")}`;
const nameIn = (url) => decodeURIComponent(new URL(url, location.href).pathname.split("/").pop());

export const emoji = (given) =>
  given ? h("span", { class: "emoji", "aria-hidden": "true" }, given.id ? `:${given.name}:` : withEmoji(given.name)) : null;

function button(component, context) {
  const kind = BUTTONS[component.style] ?? "secondary";
  const label = component.label ?? (component.style === 6 ? "Unlock" : "");
  const name = label ? null : component.emoji?.name ?? "Button";
  const content = [emoji(component.emoji), label && h("span", { class: "button-label" }, label)];
  if (component.style === 5) {
    return h("a", {
      class: "button link", href: component.disabled || !/^https?:/i.test(component.url) ? null : component.url, target: "_blank", rel: "noopener noreferrer",
      "aria-disabled": component.disabled ? "true" : null, "aria-label": name,
    }, content, icon("external", 14));
  }
  const isBusy = context.isBusy(component.custom_id);
  return h("button", {
    type: "button", class: `button ${kind}`, disabled: component.disabled, "aria-label": name,
    "aria-busy": isBusy ? "true" : null, "data-action": "press", "data-custom-id": component.custom_id, "data-key": component.custom_id,
  }, content, h("span", { class: "spinner", "aria-hidden": "true" }));
}

function select(component, context) {
  const picked = context.chosen(component.custom_id);
  const shown = context.options(component)
    .filter((option) => (picked ? picked.includes(option.value) : option.default))
    .map((option) => h("span", { class: "chosen" }, emoji(option.emoji), option.label));
  const placeholder = component.placeholder || PLACEHOLDERS[component.type];
  return h("button", {
    type: "button", class: "select", role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false", "aria-label": placeholder,
    disabled: component.disabled, "aria-busy": context.isBusy(component.custom_id) ? "true" : null,
    "data-action": "select", "data-custom-id": component.custom_id, "data-key": component.custom_id,
  },
    h("span", { class: `select-text${shown.length ? "" : " is-placeholder"}` }, shown.length ? shown : placeholder),
    h("span", { class: "spinner", "aria-hidden": "true" }), icon("chevron"));
}

/** Returns the component of a message with this custom_id. */
export function componentNamed(list, customId) {
  for (const component of list ?? []) {
    if (component.custom_id === customId) return component;
    const found = componentNamed([...(component.components ?? []), ...(component.accessory ? [component.accessory] : [])], customId);
    if (found) return found;
  }
  return null;
}

export const rows = (list, context) => append(h("div", { class: "rows" }), components(list, context));
