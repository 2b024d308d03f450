// Assembles the page: one store, one connection, and the actions of buttons and keys.

import * as api from "./api.js";
import { selectOptions } from "./choices.js";
import { menuCommands } from "./commands.js";
import { componentNamed } from "./components.js";
import { Composer } from "./composer.js";
import { displayName } from "./dom.js";
import { openMenu, openSelect } from "./floating.js";
import { anyOf, order } from "./invitation.js";
import { openLightbox } from "./lightbox.js";
import { closeModal, openModal } from "./modal.js";
import { openOwnModel } from "./own_model.js";
import { sidebar } from "./sidebar.js";
import { Store } from "./store.js";
import { Timeline, typingLine } from "./timeline.js";
import { tour } from "./tour.js";

const byId = (id) => document.getElementById(id);
const store = new Store();
let connection = null;
let waiting = null; // frames that arrived while the state was being read, in order

const interact = async (type, data, context = {}, extra = {}) => {
  const { id } = await api.sendInteraction({ as: store.me.id, channel_id: store.channel, type, data, ...extra });
  store.await(id, { channel: store.channel, ...context });
};

const composer = new Composer(store, {
  form: byId("composer"), box: byId("box"), field: byId("message"), command: byId("command"),
  hint: byId("command-hint"), suggest: byId("suggest"), notice: byId("notice"),
}, {
  async say(content) {
    await api.sendMessage(store.me.id, store.channel, content);
    timeline.toEnd();
  },
  async command(data, name) {
    await interact(2, data, { command: `/${name}` });
    timeline.toEnd();
  },
  async complete(data) {
    // Typing continues even when the bot has no choices to offer.
    const answer = await api.sendInteraction({ as: store.me.id, channel_id: store.channel, type: 4, data }).catch(() => ({}));
    return answer.choices ?? [];
  },
  upload: (file) => api.upload(store.me.id, file),
  recall: () => timeline.focusLast(),
});

const attempt = (promise) => promise.catch((error) => composer.complain(error.message));

/** Sends a command of the page's own buttons. */
function command({ data, name }) {
  attempt(interact(2, data, { command: `/${name}` }));
  timeline.toEnd();
}

/** Runs a component. Shows it as busy from the press on, before its interaction id is known. */
function useComponent(message, component, values) {
  const provisional = `pressed-${component.custom_id}`;
  const context = { channel: store.channel, message: message.id, custom_id: component.custom_id };
  store.pending.set(provisional, context);
  store.tell("pending");
  const data = { custom_id: component.custom_id, component_type: component.type, ...(values ? { values } : {}) };
  attempt(interact(3, data, context, { message_id: message.id }).finally(() => {
    store.pending.delete(provisional);
    store.tell("pending");
  }));
}

const timeline = new Timeline(store, { scroller: byId("scroller"), list: byId("messages"), jump: byId("jump") }, {
  readOlder: async (channel) => {
    const oldest = store.list(channel)[0];
    if (!oldest) return;
    const { messages } = await api.fetchMessages(store.me.id, channel, oldest.id).catch(() => ({ messages: [] }));
    store.prepend(channel, messages);
  },
  actions: {
    press(element, message) {
      const component = componentNamed(message.components, element.dataset.customId);
      if (component && !element.hasAttribute("aria-busy")) useComponent(message, component);
    },
    select(element, message) {
      const component = componentNamed(message.components, element.dataset.customId);
      if (!component || element.hasAttribute("aria-busy")) return;
      const options = selectOptions(component, store);
      const preset = options.filter((option) => option.default).map(({ value }) => value);
      openSelect(element, component, options, store.chosenIn(message.id, component.custom_id) ?? preset, (values) => {
        store.choose(message.id, component.custom_id, values);
        useComponent(message, component, values);
      });
    },
    reveal(element) {
      if (element.matches(".spoiler-text")) element.removeAttribute("aria-label"); // from now on the visible text is its name
      (element.matches(".spoiler-text") ? element : element.closest(".is-spoiler")).setAttribute("data-revealed", "");
    },
    zoom(element) {
      const covered = (image) => image.closest(".is-spoiler:not([data-revealed])");
      const images = [...element.closest("[data-message-id]").querySelectorAll(".picture img[data-src]")].filter((image) => !covered(image));
      openLightbox(images.map((image) => ({ url: image.dataset.src, alt: image.alt })), images.indexOf(element.querySelector("img")));
    },
    invite({ dataset: { prompt } }) {
      const { prompts } = store.channels.find(({ id }) => id === store.channel);
      command(order(store, prompt ?? anyOf(prompts)));
    },
    dismiss: (_, { id }) => store.dismiss(id),
    jump: (element) => timeline.jumpTo(element.dataset.target),
    visit({ dataset: { channel, target } }) {
      if (store.channels.some(({ id }) => id === channel) && channel !== store.channel) store.show(channel);
      if (!timeline.jumpTo(target)) composer.complain("That message was deleted, or it is further up in its channel.");
    },
    more: (element, message, event) => messageMenu(element, message, pointOf(event)),
    author: (element, message, event) => userMenu(element, message.author, pointOf(event)),
  },
});

const pointOf = (event) => (event.type === "contextmenu" ? { x: event.clientX, y: event.clientY } : null);
const bySide = () => displayName(store.bot.user ?? { username: "Bot" });

function messageMenu(anchor, message, point) {
  const commands = menuCommands(store.usable, 3).map(({ name, id }) => ({
    label: name, hint: bySide(), run: () => attempt(interact(2, { id, name, type: 3, target_id: message.id }, { command: name })),
  }));
  const text = message.content || "";
  openMenu(anchor, "Message actions", [
    ...commands,
    ...(text ? [{ label: "Copy text", run: () => navigator.clipboard?.writeText(text) }] : []),
    { label: "Copy message ID", run: () => navigator.clipboard?.writeText(message.id) },
  ], point);
}

function userMenu(anchor, user, point) {
  const commands = menuCommands(store.usable, 2).map(({ name, id }) => ({
    label: name, hint: bySide(), run: () => attempt(interact(2, { id, name, type: 2, target_id: user.id }, { command: name })),
  }));
  openMenu(anchor, `${displayName(user)}’s actions`, [
    ...commands, { label: "Copy user ID", run: () => navigator.clipboard?.writeText(user.id) },
  ], point);
}

store.on("modal", (data) => {
  const tools = { store, upload: (file) => api.upload(store.me.id, file) };
  const channel = store.channel;
  openModal(data, tools, async (components) => {
    const opener = store.contextOf(data.interaction_id);
    const body = { custom_id: data.custom_id, components, interaction_id: data.interaction_id };
    const extra = { channel_id: opener?.channel ?? channel, ...(opener?.message ? { message_id: opener.message } : {}) };
    await interact(5, body, { message: opener?.message, command: opener?.command }, extra);
  });
});

sidebar(store, {
  guild: byId("guild-name"), channels: byId("channels"), members: byId("members"), bot: byId("bot"),
  head: byId("channel-head"), banner: byId("banner"),
}, {
  show(channel) {
    store.show(channel);
    byId("message").focus();
  },
  ownModel: openOwnModel,
  become: (user) => attempt(enter(user)),
  control: (action) => attempt(api.controlBot(action).then((bot) => store.take({ t: "BOT", d: bot }))),
});

setInterval(() => {
  if (store.bot.status === "starting") api.fetchBot().then((bot) => store.take({ t: "BOT", d: bot })).catch(() => {});
}, 2000);

const showGallery = () => {
  const gallery = store.channelNamed("gallery");
  if (gallery && gallery.id !== store.channel) store.show(gallery.id);
};
const guide = tour(store, byId("tour"), {
  order(prompt) {
    showGallery();
    command(order(store, prompt));
  },
  async visit(user, channel) {
    await attempt(enter(user.id));
    const found = store.channelNamed(channel);
    if (found) store.show(found.id);
  },
});
byId("tour-again").addEventListener("click", () => {
  showGallery();
  guide.start();
});

const drawTyping = () => (byId("typing").textContent = typingLine(store));
store.on("typing channel state", drawTyping);
setInterval(drawTyping, 3000);

store.on("state channel", () => {
  const channel = store.channels.find(({ id }) => id === store.channel);
  history.replaceState(null, "", `?as=${store.me.id}#${channel?.name ?? ""}`);
});
window.addEventListener("hashchange", () => {
  const channel = store.channelNamed(decodeURIComponent(location.hash.slice(1)));
  if (channel && channel.id !== store.channel) store.show(channel.id);
});

document.addEventListener("keydown", (event) => {
  // Typing may start anywhere on the page, unless another field has the focus.
  const isFree = !event.target.closest("input, textarea, button, a, [role=menu], dialog, [popover]");
  if (isFree && event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) composer.focus();
});

store.on("stale", () => attempt(refresh(store.me.id)));

async function refresh(as) {
  waiting = [];
  try {
    const state = await api.fetchState(as);
    if (state.me.id === store.me.id) store.replace(state); // otherwise the page has switched to another member in the meantime
  } finally {
    const frames = waiting;
    waiting = null;
    for (const frame of frames) store.take(frame);
  }
}

/** Switches to a member: loads their view and receives their events from now on. */
async function enter(as) {
  const state = await api.fetchState(as);
  connection?.close();
  closeModal();
  store.online = true;
  if (!state.channels.some((channel) => channel.id === store.channel)) {
    const wanted = decodeURIComponent(location.hash.slice(1));
    store.channel = (state.channels.find(({ name }) => name === wanted) ?? state.channels[0])?.id;
  }
  store.replace(state);
  const { id } = state.me;
  connection = api.connect(id, {
    onopen() {
      store.online = true;
      store.tell("online");
      attempt(refresh(id));
    },
    onframe: (frame) => (waiting ? waiting.push(frame) : store.take(frame)),
    onlost() {
      store.online = false;
      store.tell("online");
      // A restarted playground may not know this member: then start as its first member.
      api.fetchState(id).catch(({ status }) => status >= 400 && status < 500 && store.me.id === id && enter(null)).catch(() => {});
    },
  });
}

async function begin() {
  const as = new URLSearchParams(location.search).get("as");
  try {
    await enter(as).catch((error) => (as && error.status >= 400 && error.status < 500 ? enter(null) : Promise.reject(error)));
    byId("message").focus();
  } catch (error) {
    composer.complain(error.message);
    setTimeout(begin, 2000);
  }
}

begin();
