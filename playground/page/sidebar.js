// The left edge: channels, the bot and its switch, and the current member.

import { avatar, displayName, h, icon } from "./dom.js";

const CONTROLS = {
  stop: { label: "Stop", doing: "Stopping…", title: "Ends the bot; queued jobs continue at the next start" },
  kill: { label: "Kill", doing: "Killing…", title: "Ends the bot at once, like a power failure" },
  start: { label: "Start", doing: "Starting…", title: "Starts the bot again" },
};

/** events: {show(channel id), become(user id), control(action), ownModel()} */
export function sidebar(store, { guild, channels, members, bot, head, banner }, events) {
  const plain = (event) => !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;

  function drawChannels() {
    guild.textContent = store.guild.name;
    channels.replaceChildren(h("h2", {}, "Channels"), ...store.channels.map((channel) =>
      h("a", {
        href: `?as=${store.me.id}#${channel.name}`, class: store.unread.has(channel.id) ? "is-unread" : null,
        "aria-current": channel.id === store.channel ? "page" : null, "data-channel-id": channel.id,
        onclick(event) {
          if (!plain(event)) return;
          event.preventDefault();
          events.show(channel.id);
        },
      }, icon("hash", 18), h("span", { class: "channel-name" }, channel.name),
        channel.nsfw && h("span", { class: "age", title: "Age-restricted channel" }, "18+"))));
    const channel = store.channels.find(({ id }) => id === store.channel);
    if (!channel) return;
    document.title = `#${channel.name} · ${store.guild.name}`;
    head.replaceChildren(icon("hash", 22), h("h2", {}, channel.name),
      ...[channel.nsfw && h("span", { class: "age" }, "Age-restricted"), channel.topic && h("p", { class: "topic", title: channel.topic }, channel.topic)].filter(Boolean));
  }

  function drawMembers() {
    members.replaceChildren(h("h2", {}, "You are"), ...store.users.filter((user) => !user.bot).map((user) =>
      h("a", {
        href: `?as=${user.id}${location.hash}`, "aria-current": user.id === store.me.id ? "true" : null, "data-user-id": user.id,
        "aria-label": displayName(user), title: user.id === store.me.id ? null : `Go on as ${displayName(user)}; with Ctrl in a new tab`,
        onclick(event) {
          if (!plain(event)) return;
          event.preventDefault();
          events.become(user.id);
        },
      }, avatar(user, 32), h("span", { class: "member-text" }, h("span", { class: "member-name" }, displayName(user)),
        h("span", { class: "member-role" }, user.is_moderator ? "Moderator" : "Member")))));
  }

  let asked = null; // {action, from}: the pressed action, and the status that it will change

  function ask(action) {
    const mine = asked = { action, from: store.bot.status };
    drawBot();
    // A failed start leaves the status unchanged: allow another try.
    const release = () => asked === mine && ((asked = null), drawBot());
    Promise.resolve(events.control(action)).finally(() => setTimeout(release, 10_000));
  }

  function drawBot() {
    const { user, status, activity, controllable } = store.bot;
    const isOnline = status === "online";
    const isRunning = status !== "offline";
    if (asked && asked.from !== status) asked = null;
    const control = (action) => {
      const { label, doing, title } = CONTROLS[action];
      return h("button", { type: "button", class: "small-button", "aria-label": `${label} the bot`, title, disabled: Boolean(asked), onclick: () => ask(action) },
        asked?.action === action ? doing : label);
    };
    bot.replaceChildren(
      h("div", { class: "bot-line" },
        h("span", { class: `with-status is-${status}` }, avatar(user ?? { id: "0", username: "Bot", bot: true }, 36)),
        h("span", { class: "member-text" },
          h("span", { class: "member-name" }, user ? displayName(user) : "No bot yet", h("span", { class: "tag" }, "BOT")),
          h("span", { class: "member-role", role: "status" }, isOnline ? activity || "Online" : isRunning ? "Starting…" : "Offline"))),
      ...(controllable ? [h("div", { class: "bot-controls" }, isRunning ? control("stop") : control("start"), isRunning && control("kill")),
        h("button", { type: "button", class: "plain-link own-model", onclick: events.ownModel }, "Use your own model")] : []));
  }

  function drawBanner() {
    const isOffline = store.bot.status !== "online";
    const name = store.bot.user ? displayName(store.bot.user) : "The bot";
    banner.textContent = !store.online
      ? "The playground cannot be reached. Trying again…"
      : store.bot.status === "starting" ? `${name} is starting. It takes commands in a few seconds.`
      : isOffline ? `${name} is offline. Commands and buttons work again when it is back.` : "";
    banner.hidden = !banner.textContent;
    banner.classList.toggle("is-lost", !store.online);
  }

  store.on("state", () => [drawChannels, drawMembers, drawBot, drawBanner].forEach((draw) => draw()));
  store.on("channel message", drawChannels);
  store.on("bot", () => [drawBot, drawBanner].forEach((draw) => draw()));
  store.on("online", drawBanner);
}
