// One option of a command in the message box: its name, and a field that grows with its text.

import { h, icon } from "./dom.js";
import { TYPE, check, hintOf } from "./options.js";

export class Pill {
  value = undefined; // the chosen or uploaded value; undefined for typed text

  /** events: {input(pill), keydown(pill, event), focus(pill), remove(pill), upload(file)} */
  constructor(option, events) {
    this.option = option;
    this.isFile = option.type === TYPE.attachment;
    this.field = this.isFile
      ? h("input", { type: "file", "aria-label": option.name, title: option.description })
      : h("textarea", { rows: 1, cols: 1, "aria-label": option.name, title: option.description, placeholder: hintOf(option), spellcheck: "false", "aria-autocomplete": "list" });
    this.grow = h("span", { class: "grow", "data-value": hintOf(option) }, this.field);
    this.state = h("span", { class: "file-state" }, icon("upload", 15), "Choose a file");
    this.element = h("span", { class: `pill${option.required ? " is-required" : ""}`, "data-option": option.name },
      h("span", { class: "pill-name" }, option.name),
      this.isFile ? h("label", { class: "file-pick" }, this.field, this.state) : this.grow,
      !option.required && h("button", { type: "button", class: "pill-remove", "aria-label": `Remove ${option.name}`, tabindex: "-1", onclick: () => events.remove(this) }, icon("close", 12)));
    this.field.addEventListener("focus", () => events.focus(this));
    this.field.addEventListener("keydown", (event) => events.keydown(this, event));
    this.field.addEventListener(this.isFile ? "change" : "input", () => {
      this.complain(null);
      if (this.isFile) return this.field.files[0] && this.#upload(this.field.files[0], events.upload);
      this.value = undefined;
      this.#fit();
      events.input(this);
    });
    this.element.addEventListener("mousedown", (event) => {
      if (this.isFile || event.target === this.field || event.target.closest("button")) return;
      event.preventDefault();
      this.field.focus();
    });
    this.take = (file) => this.#upload(file, events.upload);
  }

  get text() {
    return this.isFile ? "" : this.field.value;
  }

  get isEmpty() {
    return this.isFile ? !this.value && !this.uploading : this.field.value === "";
  }

  write(text, value = undefined) {
    if (this.isFile) return;
    this.field.value = text;
    this.value = value;
    this.#fit();
  }

  check = (world) => check(this.option, { text: this.text, value: this.value }, world);

  complain(error) {
    this.element.classList.toggle("is-invalid", Boolean(error));
    if (error) this.field.setAttribute("aria-invalid", "true");
    else this.field.removeAttribute("aria-invalid");
  }

  #fit() {
    // The hidden copy of the text sets the size of the cell. A final newline counts only with a character after it.
    this.grow.dataset.value = (this.field.value || this.field.placeholder) + "\u200b";
  }

  async #upload(file, upload) {
    this.value = undefined;
    this.state.replaceChildren(h("span", { class: "spinner is-on" }), file.name);
    this.uploading = upload(file);
    try {
      const { id, url } = await this.uploading;
      this.value = id;
      const preview = file.type.startsWith("image/") && h("img", { src: url, alt: "" });
      this.state.replaceChildren(...[preview, file.name].filter(Boolean));
    } catch (error) {
      this.state.replaceChildren(icon("alert", 15), error.message);
      this.complain(error.message);
    } finally {
      this.uploading = null;
    }
  }
}
