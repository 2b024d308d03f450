// A chosen command in the message box: its pills, the options that can still be added, and the keys.

import { h } from "./dom.js";
import { TYPE, offers } from "./options.js";
import { Pill } from "./pill.js";

const DEBOUNCE = 200; // milliseconds without typing before the bot is asked for completions

export class CommandForm {
  #world;
  #suggest;
  #events;
  #asked = 0;
  #timer = 0;
  #quiet = false;
  #completed = null; // the text for which the bot's completions are shown
  pills = [];

  /** events: {submit(), cancel(text), complete(options) -> choices, upload(file), say(text)} */
  constructor(entry, world, suggest, events) {
    this.entry = entry;
    this.#world = world;
    this.#suggest = suggest;
    this.#events = events;
    this.tail = h("input", { class: "tail", type: "text", "aria-label": entry.options.length ? "Add an option" : `Send /${entry.name}`, spellcheck: "false", "aria-autocomplete": "list" });
    this.more = h("button", { type: "button", class: "more-options", onclick: () => this.tail.focus() });
    this.element = h("div", { class: "command-form", role: "group", "aria-label": `/${entry.name}` },
      h("span", { class: "command-chip", title: entry.description }, `/${entry.name}`), this.tail, this.more);
    this.tail.addEventListener("focus", () => this.#offerOptions());
    this.tail.addEventListener("input", () => this.#tailInput());
    this.tail.addEventListener("keydown", (event) => this.#tailKeys(event));
    this.element.addEventListener("mousedown", (event) => {
      if (event.target !== this.element) return;
      event.preventDefault();
      (this.pills.at(-1)?.field ?? this.tail).focus();
    });
    for (const option of entry.options.filter(({ required }) => required)) this.add(option);
    this.#count();
  }

  get #left() {
    return this.entry.options.filter((option) => !this.pills.some((pill) => pill.option === option));
  }

  add(option, text = "") {
    const pill = new Pill(option, {
      input: (pill) => this.#input(pill), focus: (pill) => this.#offer(pill), keydown: (pill, event) => this.#keys(pill, event),
      remove: (pill) => this.#remove(pill), upload: this.#events.upload,
    });
    pill.write(text);
    this.pills.push(pill);
    this.tail.before(pill.element, " ");
    this.#count();
    return pill;
  }

  /** values: Map of option name -> typed text */
  fill(values) {
    for (const [name, text] of values) {
      const option = this.entry.options.find((one) => one.name === name);
      const pill = this.pills.find((one) => one.option === option) ?? (option && this.add(option));
      pill?.write(text);
    }
  }

  focus() {
    const pill = this.pills.find(({ isEmpty }) => isEmpty) ?? this.pills[0];
    (pill?.field ?? this.tail).focus();
  }

  /** -> {options} in Discord's form, or {errors: [{pill, error}]} */
  async read() {
    await Promise.allSettled(this.pills.map(({ uploading }) => uploading));
    const options = [];
    const errors = [];
    for (const pill of this.pills) {
      const { value, error } = pill.check(this.#world);
      pill.complain(error);
      if (error) errors.push({ pill, error });
      else if (value !== undefined) options.push({ name: pill.option.name, type: pill.option.type, value });
    }
    return errors.length ? { errors } : { options };
  }

  /** Gives a dropped or pasted file to the first option that takes a file. */
  takeFile(file) {
    const pill = this.pills.find(({ isFile, isEmpty }) => isFile && isEmpty) ??
      this.#left.filter(({ type }) => type === TYPE.attachment).slice(0, 1).map((option) => this.add(option))[0];
    pill?.take(file);
    return Boolean(pill);
  }

  #count() {
    const left = this.#left.length;
    this.more.textContent = left ? `+ ${left} more` : "";
    this.more.hidden = !left;
  }

  #remove(pill) {
    const index = this.pills.indexOf(pill);
    this.pills.splice(index, 1);
    pill.element.remove();
    this.#count();
    (this.pills[index - 1]?.field ?? this.tail).focus();
  }

  #input(pill) {
    const { option, text } = { option: pill.option, text: pill.text };
    // A person who types "prompt: …" into the prompt field means the prompt itself.
    if (text.startsWith(`${option.name}:`)) pill.write(text.slice(option.name.length + 1).trimStart());
    const next = /(?:^|\s)([\p{L}\w-]+): ?$/u.exec(pill.text);
    const named = next && this.#left.find(({ name }) => name === next[1]);
    if (named) {
      pill.write(pill.text.slice(0, next.index));
      return this.add(named).field.focus();
    }
    this.#offer(pill);
  }

  #offer(pill) {
    const { option, field } = pill;
    this.#events.say(option);
    clearTimeout(this.#timer);
    this.#asked += 1;
    if (this.#quiet) return;
    if (option.autocomplete) {
      if (!this.#suggest.isFor(field)) this.#suggest.hide();
      this.#timer = setTimeout(() => this.#complete(pill, this.#asked), DEBOUNCE);
      return;
    }
    const items = pill.value === undefined ? offers(option, pill.text, this.#world) ?? [] : [];
    this.#show(pill, items, pill.isEmpty && !option.required ? -1 : 0);
  }

  async #complete(pill, asked) {
    const others = this.pills.filter((one) => one !== pill).map((one) => ({ one, ...one.check(this.#world) }))
      .filter(({ value }) => value !== undefined).map(({ one, value }) => ({ name: one.option.name, type: one.option.type, value }));
    const focused = { name: pill.option.name, type: pill.option.type, value: pill.text, focused: true };
    const choices = await this.#events.complete([...others, focused]);
    // Ignores answers that are outdated or belong to a field that lost the focus.
    if (asked !== this.#asked || document.activeElement !== pill.field || pill.value !== undefined) return;
    this.#completed = pill.text;
    this.#show(pill, choices.map(({ name, value }) => ({ label: name, value })), pill.isEmpty ? -1 : 0);
  }

  #show(pill, items, active) {
    this.#suggest.show(pill.field, items, {
      title: `Choices for ${pill.option.name}`, active,
      pick: ({ label, value }) => {
        pill.write(label, value);
        pill.complain(null);
        this.#asked += 1;
        pill.field.focus();
      },
    });
  }

  #offerOptions() {
    this.#events.say(null);
    const typed = this.tail.value.toLowerCase();
    const items = this.#left.filter(({ name }) => name.startsWith(typed)).map((option) => ({ label: option.name, hint: option.description, option }));
    this.#suggest.show(this.tail, items, {
      title: `More options of /${this.entry.name}`, active: typed ? 0 : -1,
      pick: ({ option }) => {
        this.tail.value = "";
        this.add(option).field.focus();
      },
    });
  }

  #tailInput() {
    const named = this.#left.find(({ name }) => this.tail.value.trim() === `${name}:`);
    if (!named) return this.#offerOptions();
    this.tail.value = "";
    this.add(named).field.focus();
  }

  #tailKeys(event) {
    if (event.isComposing || this.#suggest.takes(event)) return;
    if ((event.key === "Enter" || event.key === "Tab") && this.#suggest.isFor(this.tail) && this.#suggest.hasActive) {
      event.preventDefault();
      this.#suggest.pick();
    } else this.#moves(event, this.tail, this.tail.value === "", this.pills.length);
  }

  #keys(pill, event) {
    if (event.isComposing || this.#suggest.takes(event)) return;
    // Completions of a shorter text would lose what was typed since.
    const isOld = pill.option.autocomplete && this.#completed !== pill.text;
    const canPick = this.#suggest.isFor(pill.field) && this.#suggest.hasActive && !isOld;
    if (event.key === "Enter" && canPick) {
      event.preventDefault();
      // A text that matches an offer counts as chosen: one Enter sends the command.
      const isTyped = pill.option.autocomplete ? this.#suggest.active?.value === pill.text.trim() : pill.check(this.#world).value !== undefined;
      if (isTyped) this.#events.submit();
      else this.#suggest.pick();
    } else if (event.key === "Tab" && !event.shiftKey && canPick && !pill.isEmpty) this.#suggest.pick();
    else this.#moves(event, pill.field, pill.isEmpty, this.pills.indexOf(pill));
  }

  /** Handles the keys that send, leave, or move between fields. */
  #moves(event, field, isEmpty, index) {
    const pill = this.pills[index];
    const isText = field.type !== "file";
    const atStart = !isText || (field.selectionStart === 0 && field.selectionEnd === 0);
    const atEnd = !isText || field.selectionStart === field.value.length;
    const step = (target) => {
      event.preventDefault();
      target?.focus();
    };
    if (event.key === "Enter" && !event.shiftKey && isText) {
      step(null);
      this.#events.submit();
    } else if (event.key === "Escape") {
      step(null);
      this.#events.cancel("");
    } else if (event.key === "ArrowLeft" && atStart && index > 0) step(this.pills[index - 1].field);
    else if (event.key === "ArrowRight" && atEnd && index < this.pills.length) step((this.pills[index + 1]?.field ?? this.tail));
    else if (event.key === "Backspace" && isEmpty) {
      if (pill && !pill.option.required) return step(null), this.#remove(pill);
      if (index > 0) step(this.pills[index - 1].field);
      else if (this.pills.every((one) => one.isEmpty)) return step(null), this.#events.cancel(`/${this.entry.name}`);
    }
  }

  /** Sets the focus without opening a list, so that the error message stays visible. */
  focusQuietly(pill) {
    this.#quiet = true;
    pill.field.focus();
    this.#quiet = false;
  }
}
