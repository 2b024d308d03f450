// Elements that open next to another element: context menus and the lists of select menus. The browser's popover closes them on
// Escape and on a press elsewhere.

import { avatar, h, icon } from "./dom.js";
import { emoji } from "./components.js";

function float(element, anchor, { point = null, onclose = null } = {}) {
  const back = document.activeElement;
  element.setAttribute("popover", "auto");
  // Everything outside an open dialog is inert, including popovers.
  (anchor.closest("dialog") ?? document.body).append(element);
  element.showPopover();
  const box = anchor.getBoundingClientRect();
  const own = element.getBoundingClientRect();
  const left = point ? point.x : box.left;
  const below = point ? point.y : box.bottom + 4;
  const above = (point ? point.y : box.top - 4) - own.height;
  element.style.left = `${Math.max(8, Math.min(left, innerWidth - own.width - 8))}px`;
  element.style.top = `${below + own.height > innerHeight - 8 && above > 8 ? above : Math.max(8, Math.min(below, innerHeight - own.height - 8))}px`;
  element.addEventListener("toggle", ({ newState }) => {
    if (newState !== "closed") return;
    element.remove();
    if (document.activeElement === document.body && back?.isConnected) back.focus();
    onclose?.();
  });
}

/** Moves the focus with the arrow keys through the elements of one role. */
function walk(element, role) {
  element.addEventListener("keydown", (event) => {
    const all = [...element.querySelectorAll(`[role=${role}]:not([hidden])`)];
    const index = all.indexOf(document.activeElement);
    const target = { ArrowDown: all[(index + 1) % all.length], ArrowUp: all.at(index <= 0 ? -1 : index - 1), Home: all[0], End: all.at(-1) }[event.key];
    if (!target) return;
    event.preventDefault();
    target.focus();
  });
}

/** items: [{label, hint, run, danger}] */
export function openMenu(anchor, label, items, point) {
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label },
    items.length ? items.map(({ label, hint, run }) =>
      h("button", { type: "button", role: "menuitem", onclick: () => { menu.hidePopover(); run(); } }, label, hint && h("span", { class: "menu-hint" }, hint)))
      : h("p", { class: "menu-empty" }, "Nothing to do here"));
  walk(menu, "menuitem");
  float(menu, anchor, { point });
  menu.querySelector("button")?.focus();
}

/** Opens the list of a select. Calls `choose(values)` once, when the choice is complete. */
export function openSelect(anchor, component, options, chosen, choose) {
  const least = component.min_values ?? 1;
  const most = Math.min(component.max_values ?? 1, options.length || 1);
  const isMany = most > 1;
  const picked = new Set(chosen);
  let isChanged = false;
  const list = h("div", { class: "select-list", role: "listbox", "aria-label": anchor.getAttribute("aria-label"), "aria-multiselectable": isMany ? "true" : null },
    options.length ? options.map((option) =>
      h("button", { type: "button", role: "option", "aria-selected": String(picked.has(option.value)), "data-value": option.value, "aria-label": option.label },
        option.user ? avatar(option.user, 24) : emoji(option.emoji),
        h("span", { class: "option-text" }, option.label, option.description && h("span", { class: "option-hint" }, option.description)),
        h("span", { class: "option-check" }, icon("check", 16))))
      : h("p", { class: "menu-empty" }, "There is nothing to choose from"));
  list.addEventListener("click", ({ target }) => {
    const element = target.closest("[role=option]");
    if (!element) return;
    const { value } = element.dataset;
    isChanged = true;
    if (!isMany) {
      const isCleared = picked.has(value) && least === 0;
      picked.clear();
      if (!isCleared) picked.add(value);
      return list.hidePopover();
    }
    if (picked.has(value)) picked.delete(value);
    else if (picked.size < most) picked.add(value);
    element.setAttribute("aria-selected", String(picked.has(value)));
  });
  walk(list, "option");
  anchor.setAttribute("aria-expanded", "true");
  list.style.minWidth = `${anchor.getBoundingClientRect().width}px`;
  float(list, anchor, {
    onclose() {
      anchor.setAttribute("aria-expanded", "false");
      // In the order of the options, as Discord sends them.
      const values = options.map(({ value }) => value).filter((value) => picked.has(value));
      if (isChanged && values.length >= least) choose(values);
    },
  });
  (list.querySelector("[aria-selected=true]") ?? list.querySelector("[role=option]"))?.focus();
}
