// One message as a tree. Pure: the same message and context always give the same tree.

import { avatar, displayName, h, icon } from "./dom.js";
import { rows } from "./components.js";
import { selectOptions } from "./choices.js";
import { embed } from "./embeds.js";
import { inline, markdown } from "./markdown.js";
import { fileCard, gallery, isPicture } from "./media.js";
import { isEphemeral } from "./store.js";
import { clock, full, stamp } from "./time.js";

const LOADING = 128;
const SPOILER_FILE = 8;

/** Returns whether two messages share one head. */
export function continues(message, previous, store) {
  return Boolean(previous) && previous.author.id === message.author.id && !commandOf(message) && !repliedBy(message, store) &&
    isEphemeral(previous) === isEphemeral(message) &&
    new Date(message.timestamp) - new Date(previous.timestamp) < 7 * 60_000 &&
    new Date(message.timestamp).toDateString() === new Date(previous.timestamp).toDateString();
}

const commandOf = ({ interaction_metadata: meta, interaction }) => {
  if (!meta) return null;
  const origin = meta.triggering_interaction_metadata ?? meta;
  const name = interaction?.name ?? meta.name ?? origin.name; // only the first one includes the subcommand
  return origin.type === 2 && name ? { user: meta.user, name, isSlash: (origin.command_type ?? 1) === 1 } : null;
};
/** Returns the message replied to. The answer to a button names it by id only. */
const repliedBy = ({ referenced_message: whole, message_reference: reference }, store) =>
  whole ?? (reference?.message_id ? store.find(reference.message_id) : null);

/** context: {store, isContinued, failure} */
export function messageTree(message, { store, isContinued, failure }) {
  const sent = new Date(message.timestamp);
  const context = {
    message,
    names: store.names,
    isBusy: (customId) => store.isBusy(message.id, customId),
    options: (component) => selectOptions(component, store),
    chosen: (customId) => store.chosenIn(message.id, customId),
    media: (media) => resolve(media, message),
  };
  return h("li", {
    class: ["message", isContinued && "is-continued", isEphemeral(message) && "is-ephemeral", mentions(message, store.me) && "is-mention"].filter(Boolean).join(" "),
    "data-message-id": message.id, "data-author-id": message.author.id, "data-key": message.id, tabindex: "-1",
  },
    h("article", { "aria-label": `${displayName(message.author)}, ${stamp(sent)}` },
      origin(message, store),
      isContinued
        ? h("time", { class: "gutter-time", datetime: message.timestamp, title: full(sent) }, clock(sent))
        : h("button", { type: "button", class: "avatar-button", "data-action": "author", "aria-label": `${displayName(message.author)}’s menu` }, avatar(message.author)),
      h("div", { class: "message-body" },
        !isContinued && h("header", {},
          h("button", { type: "button", class: `author${message.author.bot ? " is-bot" : ""}`, "data-action": "author" }, displayName(message.author)),
          message.author.bot && h("span", { class: "tag" }, "BOT"),
          h("time", { class: "sent", datetime: message.timestamp, title: full(sent) }, stamp(sent)),
          // In the head the mark takes no extra line, so a picture that gets sharper does not move.
          !message.content && editedMark(message)),
        body(message, context, isContinued),
        failure && h("p", { class: "failure", role: "alert" }, icon("alert", 16), failure.text),
        isEphemeral(message) && h("p", { class: "only-you" }, icon("eye", 16), "Only you can see this · ",
          h("button", { type: "button", class: "plain-link", "data-action": "dismiss" }, "Dismiss message"))),
      h("div", { class: "tools" },
        h("button", { type: "button", class: "tool", "data-action": "more", "aria-label": "More actions", "aria-haspopup": "menu" }, icon("more", 18)))));
}

const mentions = (message, me) =>
  !isEphemeral(message) && (message.mentions?.some(({ id }) => id === me.id) || (message.content ?? "").includes(`<@${me.id}>`)) && message.author.id !== me.id;

/** The line above the message: the command or message that it answers. */
function origin(message, store) {
  const command = commandOf(message);
  if (command) {
    return h("div", { class: "origin" }, h("span", { class: "curve", "aria-hidden": "true" }), avatar(command.user, 16),
      h("span", { class: "origin-name" }, displayName(store.user(command.user.id) ?? command.user)), " used ",
      h("span", { class: "command-name" }, (command.isSlash ? "/" : "") + command.name));
  }
  const replied = repliedBy(message, store);
  if (!replied) return null;
  const excerpt = replied.content ? inline(replied.content.split("\n")[0].slice(0, 140), store.names) : h("em", {}, "Open the message");
  return h("button", { type: "button", class: "origin", "data-action": "jump", "data-target": replied.id },
    h("span", { class: "curve", "aria-hidden": "true" }), avatar(replied.author, 16),
    h("span", { class: "origin-name" }, displayName(replied.author)), " ", h("span", { class: "origin-excerpt" }, excerpt));
}

const editedMark = ({ edited_timestamp: edited, flags }) =>
  edited && !(flags & LOADING) ? h("span", { class: "edited", title: full(new Date(edited)) }, "(edited)") : null;

function body(message, context, isContinued) {
  if (message.flags & LOADING) {
    return h("p", { class: "thinking" }, h("span", { class: "dots", "aria-hidden": "true" }, h("i"), h("i"), h("i")), `${displayName(message.author)} is thinking…`);
  }
  const edited = editedMark(message);
  const used = new Set((message.embeds ?? []).flatMap((data) => [data.image?.url, data.thumbnail?.url]).filter(Boolean).flatMap((url) => [url, resolve({ url }, message).url]));
  const loose = message.flags & 32768 ? [] : (message.attachments ?? []).filter(({ url }) => !used.has(url));
  const pictures = loose.filter(isPicture);
  const content = message.content ? h("div", { class: "markdown content" }, markdown(message.content, context.names)) : null;
  if (edited) (content?.querySelector(":scope > p:last-child") ?? content)?.append(" ", edited);
  return [
    content,
    pictures.length ? gallery(pictures.map((file) => ({ media: file, description: file.description ?? file.filename, spoiler: isSpoiler(file) }))) : null,
    loose.filter((file) => !isPicture(file)).map((file) => fileCard({ url: file.url, name: file.filename, size: file.size }, isSpoiler(file))),
    (message.embeds ?? []).map((data) => embed(data, context)),
    message.components?.length ? rows(message.components, context) : null,
    edited && !content && isContinued ? h("p", { class: "edited-line" }, edited) : null,
  ];
}

const isSpoiler = ({ filename, flags }) => filename.startsWith("SPOILER_") || Boolean(flags & SPOILER_FILE);

/** Resolves a media address that names a file of the same message (attachment://name). */
function resolve(media, message) {
  const name = /^attachment:\/\/(.+)$/.exec(media.url)?.[1];
  const file = (message.attachments ?? []).find((one) => (name ? one.filename === name : one.url === media.url || (media.attachment_id && one.id === String(media.attachment_id))));
  const usable = file ?? media;
  return { ...media, url: usable.url, width: media.width ?? usable.width, height: media.height ?? usable.height, filename: usable.filename, size: usable.size };
}
