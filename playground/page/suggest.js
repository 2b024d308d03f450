// The list above the message box: commands, choices, members. The field with the focus uses the one list.

import { h } from "./dom.js";

export class Suggest {
  #field = null;
  #items = [];
  #active = -1;
  #pick = null;

  constructor(element) {
    this.element = element;
    // A press must not move the focus away from the field that it completes.
    element.addEventListener("mousedown", (event) => event.preventDefault());
    element.addEventListener("click", (event) => {
      const index = event.target.closest("[role=option]")?.dataset.index;
      if (index !== undefined) this.pick(Number(index));
    });
    element.addEventListener("mousemove", (event) => {
      const index = event.target.closest("[role=option]")?.dataset.index;
      if (index !== undefined && Number(index) !== this.#active) this.#activate(Number(index), false);
    });
  }

  get isOpen() {
    return !this.element.hidden && this.#items.length > 0;
  }

  /** The item that Enter chooses; undefined while there is none. */
  get active() {
    return this.#items[this.#active];
  }

  get hasActive() {
    return this.isOpen && this.#active >= 0;
  }

  isFor = (field) => !this.element.hidden && this.#field === field;

  /** items: [{label, hint, mark, detail}]; `active` is the item that Enter chooses, -1 for none. */
  show(field, items, { title, pick, active = 0, empty = null }) {
    if (!items.length && !empty) return this.hide();
    if (this.#field && this.#field !== field) this.#field.removeAttribute("aria-activedescendant");
    this.#field = field;
    this.#items = items;
    this.#pick = pick;
    this.element.replaceChildren(
      h("div", { class: "suggest-title" }, title),
      h("div", { class: "suggest-list", id: "suggest-list", role: "listbox", "aria-label": title },
        items.map((item, index) =>
          h("div", { class: "suggestion", role: "option", id: `suggestion-${index}`, "data-index": index, "aria-label": item.label, "aria-description": item.hint || null, "aria-selected": "false" },
            item.mark && h("span", { class: "suggestion-mark" }, item.mark),
            h("span", { class: "suggestion-label" }, item.label),
            item.detail && h("span", { class: "suggestion-detail" }, item.detail),
            item.hint && h("span", { class: "suggestion-hint" }, item.hint)))),
      ...(items.length ? [] : [h("p", { class: "suggest-empty" }, empty)]));
    this.element.hidden = false;
    this.#activate(items.length ? Math.min(active, items.length - 1) : -1);
  }

  hide() {
    this.#field?.removeAttribute("aria-activedescendant");
    this.#field = null;
    this.#items = [];
    this.element.hidden = true;
  }

  move(step) {
    const count = this.#items.length;
    this.#activate(this.#active < 0 ? (step > 0 ? 0 : count - 1) : (this.#active + step + count) % count);
  }

  pick(index = this.#active) {
    const item = this.#items[index];
    const pick = this.#pick;
    this.hide();
    if (item) pick(item);
  }

  /** Handles arrow keys and Escape in the same way for every field. -> whether the key was used */
  takes(event) {
    if (!this.isFor(event.target)) return false;
    if (event.key === "Escape") {
      event.preventDefault();
      this.hide();
      return true;
    }
    if (!this.isOpen || (event.key !== "ArrowUp" && event.key !== "ArrowDown")) return false;
    event.preventDefault();
    this.move(event.key === "ArrowDown" ? 1 : -1);
    return true;
  }

  #activate(index, scroll = true) {
    this.#active = index;
    for (const option of this.element.querySelectorAll("[role=option]")) {
      const isActive = Number(option.dataset.index) === index;
      option.setAttribute("aria-selected", String(isActive));
      if (isActive && scroll) option.scrollIntoView({ block: "nearest" });
    }
    if (index >= 0) this.#field.setAttribute("aria-activedescendant", `suggestion-${index}`);
    else this.#field?.removeAttribute("aria-activedescendant");
  }
}
