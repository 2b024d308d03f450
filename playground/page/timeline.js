// The channel's messages on screen: which are shown, in what order, and the reader's scroll position.

import { displayName, h, icon } from "./dom.js";
import { imagine, invitation } from "./invitation.js";
import { messageTree, continues } from "./message.js";
import { loadPictures } from "./media.js";
import { morph } from "./morph.js";
import { day } from "./time.js";

const NEAR = 48; // px from the end that still count as the end

export class Timeline {
  #store;
  #pinned = true;
  #loading = false;
  #view = "";
  #seen; // id of the newest message that the reader has seen
  #drawn = new WeakMap(); // list item -> the values it was rendered from

  /**
   * actions: {name: (element, message, event) => …}; `readOlder(channel)` resolves when older messages are loaded or none exist.
   */
  constructor(store, { scroller, list, jump }, { actions, readOlder }) {
    this.#store = store;
    Object.assign(this, { scroller, list, jump, readOlder });
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.toEnd());
    // Keeps the end in view after every change of height: pictures, an opening box below, the window.
    const observer = new ResizeObserver(() => this.#pinned && this.#stick());
    observer.observe(list);
    observer.observe(scroller);

    list.addEventListener("click", (event) => {
      const element = event.target.closest("[data-action]");
      const item = event.target.closest("[data-message-id], [data-failure-id]");
      if (element && actions[element.dataset.action]) actions[element.dataset.action](element, item && this.messageOf(item), event);
    });
    list.addEventListener("contextmenu", (event) => {
      const item = event.target.closest("[data-message-id]");
      if (!item || event.target.closest("a")) return; // a link keeps the browser’s own menu
      event.preventDefault();
      const isAuthor = event.target.closest('[data-action="author"]');
      const open = () => actions[isAuthor ? "author" : "more"](event.target, this.messageOf(item), event);
      // Some systems send this event at button down. The button up would then close an open menu like a press elsewhere.
      if (event.buttons) addEventListener("pointerup", () => setTimeout(open), { once: true });
      else open();
    });
    list.addEventListener("keydown", (event) => this.#keys(event));

    store.on("channel", () => this.showChannel());
    store.on("state", () => this.#isShowing() ? this.render() : this.showChannel());
    store.on("message", (message) => message.channel_id === store.channel && this.render());
    store.on("messages", (channel) => channel === store.channel && this.render());
    store.on("pending commands bot", () => this.render());
    store.on("older", (channel) => channel === store.channel && this.#keepPlace());
  }

  messageOf = (item) => this.#store.find(item.dataset.messageId) ?? { id: item.dataset.failureId };

  /** After a lost connection the same view is read again; the messages on screen may stay. */
  #isShowing = () => this.#view === `${this.#store.me?.id} ${this.#store.channel}`;

  showChannel() {
    this.#view = `${this.#store.me?.id} ${this.#store.channel}`;
    this.list.replaceChildren();
    this.#pinned = true;
    this.render();
    this.#stick();
  }

  render() {
    const store = this.#store;
    const channel = store.channels.find(({ id }) => id === store.channel);
    if (!channel) return;
    this.list.setAttribute("aria-label", `Messages in #${channel.name}`);
    const present = new Map([...this.list.children].map((item) => [item.dataset.key, item]));
    let place = this.list.firstElementChild;
    for (const { key, from, make } of this.#entries(channel)) {
      let item = present.get(key);
      present.delete(key);
      const isSame = item && this.#drawn.get(item).every((value, index) => value === from[index]);
      if (!item) item = make();
      else if (!isSame) morph(item, make());
      this.#drawn.set(item, from);
      if (item === place) place = place.nextElementSibling;
      else this.list.insertBefore(item, place);
    }
    for (const gone of present.values()) gone.remove();
    loadPictures(this.list);
    if (this.#pinned) this.#stick();
    this.#offerJump();
  }

  /** Announces new messages below the reader's position on the jump button: a press on an old button answers there. */
  #offerJump() {
    const newest = this.#store.shown().at(-1)?.id;
    if (this.#pinned) this.#seen = newest;
    this.jump.hidden = this.#pinned;
    this.jump.textContent = newest === this.#seen ? "Jump to the newest messages" : "New messages below";
  }

  /** The entries that should be shown: a key, the values the entry depends on, and its render function. */
  *#entries(channel) {
    const store = this.#store;
    const failures = store.failures.filter((failure) => failure.channel === channel.id);
    const messages = store.shown();
    const loose = failures.filter((failure) => !messages.some(({ id }) => id === failure.message));
    const isReady = Boolean(imagine(store));
    if (store.exhausted.has(channel.id)) yield { key: "beginning", from: [channel.topic, isReady], make: () => beginning(channel, isReady) };
    let previous = null;
    for (const message of messages) {
      const date = new Date(message.timestamp);
      while (loose.length && loose[0].at < date) yield failureEntry(loose.shift());
      if (!previous || new Date(previous.timestamp).toDateString() !== date.toDateString()) {
        yield { key: `day-${message.id}`, from: [], make: () => daySeparator(message.id, date) };
      }
      const isContinued = continues(message, previous, store);
      const failure = failures.findLast((one) => one.message === message.id);
      const busy = [...store.pending.values()].filter((one) => one.message === message.id).map((one) => one.custom_id).join();
      yield { key: message.id, from: [message, isContinued, failure, busy, store.users], make: () => messageTree(message, { store, isContinued, failure }) };
      previous = message;
    }
    for (const failure of loose) yield failureEntry(failure);
  }

  toEnd() {
    this.#pinned = true;
    this.#offerJump();
    this.#stick();
  }

  /** -> whether the message is shown */
  jumpTo(id) {
    const item = this.list.querySelector(`[data-message-id="${CSS.escape(id)}"]`);
    if (item) this.#pinned = false; // otherwise a picture that loads later scrolls back to the end
    item?.scrollIntoView({ block: "center", behavior: "smooth" });
    item?.animate([{ backgroundColor: "var(--highlight)" }, { backgroundColor: "transparent" }], 1600);
    return Boolean(item);
  }

  #stick() {
    this.scroller.scrollTop = this.scroller.scrollHeight;
  }

  async #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.scroller;
    this.#pinned = scrollHeight - scrollTop - clientHeight < NEAR;
    this.#offerJump();
    const { channel, exhausted } = this.#store;
    if (scrollTop > 240 || this.#loading || exhausted.has(channel) || scrollHeight <= clientHeight) return;
    this.#loading = true;
    await this.readOlder(channel).finally(() => (this.#loading = false));
  }

  /** Keeps the reader's position when messages are added above. */
  #keepPlace() {
    const fromEnd = this.scroller.scrollHeight - this.scroller.scrollTop;
    this.render();
    this.scroller.scrollTop = this.scroller.scrollHeight - fromEnd;
  }

  #keys(event) {
    const item = event.target.closest("[data-message-id]");
    if (!item || event.target !== item) return;
    const next = { ArrowUp: "previousElementSibling", ArrowDown: "nextElementSibling" }[event.key];
    if (next) {
      let target = item[next];
      while (target && !target.dataset.messageId) target = target[next];
      event.preventDefault();
      target?.focus();
    } else if (event.key === "Enter" || event.key === "ContextMenu") {
      event.preventDefault();
      item.querySelector('[data-action="more"]').click();
    }
  }

  /** Focuses the newest message; the arrow keys continue from there. */
  focusLast() {
    [...this.list.querySelectorAll("[data-message-id]")].at(-1)?.focus();
  }
}

const beginning = (channel, isReady) =>
  h("li", { class: "beginning", "data-key": "beginning" },
    h("span", { class: "beginning-mark" }, icon("hash", 34)),
    h("h2", {}, `Welcome to #${channel.name}`), h("p", {}, channel.topic || "This is the start of the channel."),
    channel.prompts.length > 0 && invitation(channel, isReady));

const daySeparator = (id, date) => h("li", { class: "day", "data-key": `day-${id}`, role: "separator" }, h("span", {}, day(date)));

const failureEntry = (failure) => ({ key: `failure-${failure.id}`, from: [failure, failure.command], make: () => failureRow(failure) });

const failureRow = (failure) =>
  h("li", { class: "message is-failure", "data-failure-id": failure.id, "data-key": `failure-${failure.id}` },
    h("p", { class: "failure", role: "alert" }, icon("alert", 16),
      failure.command && h("span", { class: "command-name" }, failure.command), failure.text,
      h("button", { type: "button", class: "plain-link", "data-action": "dismiss" }, "Dismiss")));

export const typingLine = (store) => {
  const typists = [...(store.typing.get(store.channel) ?? [])].filter(([id, until]) => until > Date.now() && id !== store.me?.id);
  const names = typists.map(([id]) => displayName(store.user(id)));
  return names.length ? `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…` : "";
};
