// The message box: plain messages, the command list, and commands as pills or as one line of text.

import { CommandForm } from "./command_form.js";
import { commandData, flatten, matching, named, pairs } from "./commands.js";
import { displayName, h } from "./dom.js";
import { TYPE, check } from "./options.js";
import { Suggest } from "./suggest.js";

export class Composer {
  #store;
  #acts;
  #form = null;
  #drafts = new Map(); // "member channel" -> unsent text
  #view = null;
  #isBusy = false;
  #isWaiting = false; // what stands in the box is sent as soon as it can be

  /** acts: {say(content), command(data, name), complete(data) -> choices, upload(file), recall()} */
  constructor(store, { form, box, field, command, hint, suggest, notice }, acts) {
    Object.assign(this, { box, field, slot: command, hint, notice });
    this.#store = store;
    this.#acts = acts;
    this.suggest = new Suggest(suggest);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit();
    });
    field.addEventListener("input", () => {
      this.#wait(false);
      this.#typed();
    });
    field.addEventListener("keydown", (event) => this.#keys(event));
    form.addEventListener("focusout", ({ relatedTarget }) => {
      if (!form.contains(relatedTarget)) this.suggest.hide();
    });
    field.addEventListener("focus", () => this.#typed());
    for (const name of ["paste", "drop"]) form.addEventListener(name, (event) => this.#files(event));
    form.addEventListener("dragover", (event) => this.#form && event.preventDefault());
    store.on("state channel", () => this.#enterChannel());
    store.on("state bot commands", () => this.#isWaiting && this.submit());
    let wasOnline = true;
    store.on("bot", () => {
      const isOnline = store.bot.status === "online";
      if (isOnline && !wasOnline && !this.#isWaiting) this.complain(""); // remove the message that the bot is offline
      wasOnline = isOnline;
    });
    store.on("commands", () => document.activeElement === field && this.#typed());
  }

  get #entries() {
    return flatten(this.#store.usable);
  }

  #enterChannel() {
    const store = this.#store;
    const channel = store.channels.find(({ id }) => id === store.channel);
    if (!channel) return;
    const name = `Message #${channel.name}`;
    this.field.setAttribute("aria-label", name);
    this.field.placeholder = name;
    const view = `${store.me.id} ${channel.id}`;
    if (this.#view === view) return;
    const isFirst = this.#view === null;
    if (!isFirst) this.#drafts.set(this.#view, this.field.value);
    this.#view = view;
    if (isFirst) return this.#isWaiting || this.complain(""); // what was typed before the page knew its channel stays
    this.#wait(false);
    this.#close();
    this.#write(this.#drafts.get(view) ?? "");
    this.complain("");
  }

  #write(text) {
    this.field.value = text;
    this.#fit();
    this.#hintAt(text);
  }

  #fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #typed() {
    const text = this.field.value;
    this.#fit();
    if (!this.#isWaiting) this.complain("");
    this.#hintAt(text);
    const isWritten = named(this.#entries, text) && /\s/.test(text.slice(1 + named(this.#entries, text).entry.name.length));
    if (!/^\/[^\n]*$/.test(text) || isWritten) return this.suggest.hide();
    const items = matching(this.#entries, text.slice(1)).map((entry) => ({
      label: `/${entry.name}`, hint: entry.description, entry,
      detail: entry.options.map(({ name, required }) => (required ? name : `${name}?`)).join("  "),
    }));
    this.suggest.show(this.field, items, {
      title: "Commands", pick: ({ entry }) => this.open(entry),
      empty: this.#noCommand(),
    });
  }

  #noCommand() {
    const { usable, commands } = this.#store;
    if (usable.length) return "No command matches.";
    return commands.length ? "The bot takes no commands in direct messages." : "The bot has not registered any commands yet.";
  }

  /** Shows a command's options above the box while the command is typed as text. */
  #hintAt(text) {
    const found = text.startsWith("/") ? named(this.#entries, text) : null;
    const isWritten = found && /\s/.test(text[1 + found.entry.name.length] ?? "");
    this.hint.hidden = !isWritten;
    if (!isWritten) return;
    const given = pairs(found.entry.options, found.rest);
    this.hint.replaceChildren(h("span", { class: "command-name" }, `/${found.entry.name}`),
      ...found.entry.options.filter(({ type }) => type !== TYPE.attachment).map((option) =>
        h("button", {
          type: "button", class: `hint-option${given.has(option.name) ? " is-given" : ""}`, title: option.description, tabindex: "-1",
          onmousedown: (event) => event.preventDefault(),
          onclick: () => !given.has(option.name) && (this.#write(`${this.field.value.trimEnd()} ${option.name}: `), this.field.focus()),
        }, option.required ? option.name : `${option.name}?`)),
      h("span", { class: "hint-key" }, h("kbd", {}, "Tab"), " fills it in as a form"));
  }

  #keys(event) {
    if (event.isComposing || this.suggest.takes(event)) return;
    if (event.key === "Escape" && this.#isWaiting) {
      this.#wait(false);
      this.complain("");
      return;
    }
    const found = named(this.#entries, this.field.value);
    const isWhole = found && found.entry.options.length === 0 && !found.rest;
    if (event.key === "Enter" && !event.shiftKey && isWhole) {
      event.preventDefault();
      this.submit(); // complete, with no option to fill in
    } else if ((event.key === "Enter" || event.key === "Tab") && this.suggest.isFor(this.field) && this.suggest.hasActive) {
      event.preventDefault();
      this.suggest.pick();
    } else if (event.key === "Tab" && !event.shiftKey && found && this.field.value.startsWith("/")) {
      event.preventDefault();
      this.open(found.entry, pairs(found.entry.options, found.rest));
    } else if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      this.submit();
    } else if (event.key === "ArrowUp" && this.field.value === "") {
      event.preventDefault();
      this.#acts.recall();
    }
  }

  /** Shows a command's pills. values: Map of option name -> text. */
  open(entry, values = new Map()) {
    this.#close();
    this.#form = new CommandForm(entry, this.#store, this.suggest, {
      submit: () => this.submit(),
      cancel: (text) => {
        this.#close();
        this.#write(text);
        this.field.focus();
      },
      complete: (options) => this.#acts.complete(commandData(entry, options)),
      upload: (file) => this.#acts.upload(file),
      say: (option) => this.#describe(option),
    });
    this.#form.fill(values);
    this.#write("");
    this.field.hidden = true;
    this.slot.hidden = false;
    this.slot.replaceChildren(this.#form.element);
    this.#form.focus();
  }

  focus() {
    if (this.#form) this.#form.focus();
    else this.field.focus();
  }

  #describe(option) {
    this.complain("");
    this.hint.hidden = !option;
    if (option) {
      this.hint.replaceChildren(h("span", { class: "command-name" }, option.name), h("span", { class: "hint-text" }, option.description),
        ...(option.required ? [] : [h("span", { class: "hint-key" }, "optional")]));
    }
  }

  #close() {
    this.#form = null;
    this.suggest.hide();
    this.slot.replaceChildren();
    this.slot.hidden = true;
    this.field.hidden = false;
    this.hint.hidden = true;
  }

  complain(text) {
    this.notice.textContent = text;
    this.box.classList.toggle("has-notice", Boolean(text));
  }

  /** Returns what the page waits for before it sends what stands in the box; "" when it can be sent. */
  #obstacle() {
    const { me, bot, commands } = this.#store;
    if (!me) return "The page is loading.";
    if (!this.#form && !/^\/[\w-]/.test(this.field.value.trim())) return "";
    const isStarting = bot.status === "starting" || (bot.status === "online" && !commands.length);
    return isStarting ? `${displayName(bot.user)} is starting.` : "";
  }

  #wait(isWaiting, obstacle = "") {
    if (isWaiting) this.notice.replaceChildren(h("span", { class: "spinner is-on" }), ` ${obstacle} Your line is sent as soon as it is ready. Esc or a change stops that.`);
    this.#isWaiting = isWaiting;
    this.box.classList.toggle("is-waiting", isWaiting);
    this.notice.classList.toggle("is-waiting", isWaiting);
    if (isWaiting) this.box.classList.remove("has-notice");
  }

  async submit() {
    if (this.#isBusy) return;
    this.suggest.hide();
    const isEmpty = !this.#form && !this.field.value.trim();
    const obstacle = isEmpty ? "" : this.#obstacle();
    const wasWaiting = this.#isWaiting;
    this.#wait(Boolean(obstacle), obstacle);
    if (obstacle) return;
    if (wasWaiting) this.complain("");
    this.#isBusy = true;
    try {
      await (this.#form ? this.#submitForm() : this.#submitText(this.field.value.trim()));
    } catch (error) {
      this.complain(error.message);
    } finally {
      this.#isBusy = false;
    }
  }

  async #submitForm() {
    const form = this.#form;
    const { options, errors } = await form.read();
    if (errors) {
      form.focusQuietly(errors[0].pill);
      return this.complain(errors.map(({ error }) => error).join(" "));
    }
    await this.#acts.command(commandData(form.entry, options), form.entry.name);
    this.#done();
  }

  async #submitText(text) {
    if (!text) return;
    const found = text.startsWith("/") ? named(this.#entries, text) : null;
    if (!found) {
      if (/^\/[\w-]/.test(text)) return this.complain(this.#unknown(text.split(/\s/)[0]));
      await this.#acts.say(text);
      return this.#done();
    }
    const { entry, rest } = found;
    const values = pairs(entry.options, rest);
    const read = entry.options.map((option) => ({ option, ...check(option, { text: values.get(option.name) ?? "" }, this.#store) }));
    if (read.some(({ error }) => error)) {
      this.open(entry, values);
      return this.#submitForm(); // shows the error next to its pill
    }
    const options = read.filter(({ value }) => value !== undefined).map(({ option, value }) => ({ name: option.name, type: option.type, value }));
    await this.#acts.command(commandData(entry, options), entry.name);
    this.#done();
  }

  #unknown(command) {
    const { bot, commands } = this.#store;
    if (!commands.length) return `${displayName(bot.user)} is offline, and its commands are not known yet.`;
    return `There is no command ${command}.`;
  }

  #done() {
    this.#close();
    this.#write("");
    this.complain("");
    this.field.focus();
  }

  #files(event) {
    const [file] = (event.clipboardData ?? event.dataTransfer)?.files ?? [];
    if (!file || !this.#form) return;
    event.preventDefault();
    if (!this.#form.takeFile(file)) this.complain(`/${this.#form.entry.name} takes no file.`);
  }
}
