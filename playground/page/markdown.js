// Turns Discord's markdown into nodes. `names` resolves ids: {user(id), channel(id), role(id)} -> text or null.

import { h } from "./dom.js";
import { withEmoji } from "./emoji.js";
import { timestamp } from "./time.js";

const SAFE = /^https?:\/\//i;

/** Renders several lines, with headings, quotes, lists and code blocks. */
export function markdown(text, names) {
  const fragment = document.createDocumentFragment();
  const fence = /```(?:([\w+-]+)\n)?([\s\S]*?)```/g;
  let last = 0;
  for (const match of text.matchAll(fence)) {
    blocks(text.slice(last, match.index).replace(/\n$/, ""), names, fragment);
    fragment.append(h("pre", {}, h("code", {}, match[2].replace(/^\n|\n$/g, ""))));
    last = match.index + match[0].length;
    if (text[last] === "\n") last += 1;
  }
  blocks(text.slice(last), names, fragment);
  return fragment;
}

function blocks(text, names, into) {
  if (!text) return;
  const lines = text.split("\n");
  let paragraph = [];
  const flush = () => {
    if (!paragraph.length) return;
    into.append(h("p", {}, inline(paragraph.join("\n"), names)));
    paragraph = [];
  };
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    const heading = /^(#{1,3}) +(.+)$/.exec(line);
    const small = /^-# +(.+)$/.exec(line);
    if (heading) {
      flush();
      // Starts at level 3: the page's own headings come before it in the outline.
      into.append(h(`h${heading[1].length + 2}`, { class: `heading-${heading[1].length}` }, inline(heading[2], names)));
    } else if (small) {
      flush();
      into.append(h("p", { class: "subtext" }, inline(small[1], names)));
    } else if (line.startsWith(">>> ")) {
      flush();
      const rest = [line.slice(4), ...lines.slice(index + 1)].join("\n");
      into.append(h("blockquote", {}, markdown(rest, names)));
      return;
    } else if (/^> ?/.test(line)) {
      flush();
      const quoted = [];
      while (index < lines.length && /^> ?/.test(lines[index])) quoted.push(lines[index++].replace(/^> ?/, ""));
      index -= 1;
      into.append(h("blockquote", {}, markdown(quoted.join("\n"), names)));
    } else if (ITEM.test(line)) {
      flush();
      const items = [];
      while (index < lines.length && ITEM.test(lines[index])) items.push(lines[index++]);
      index -= 1;
      into.append(list(items, names));
    } else {
      paragraph.push(line);
    }
  }
  flush();
}

const ITEM = /^( *)(?:[-*]|(\d+)\.) +(.+)$/;

function list(lines, names) {
  const [, , first] = ITEM.exec(lines[0]);
  const items = lines.map((line) => {
    const [, indent, , content] = ITEM.exec(line);
    return h("li", { class: indent ? "nested" : null }, inline(content, names));
  });
  return first ? h("ol", { start: first }, items) : h("ul", {}, items);
}

// Tried at each position in this order; the first match wins.
const RULES = [
  [/^\\([\\`*_~|<>[\]()#:.!-])/, (match) => match[1]],
  [/^(`+)([\s\S]*?[^`])\1(?!`)/, (match) => h("code", {}, match[2].trim() || match[2])],
  [/^\|\|([\s\S]+?)\|\|/, (match, names) =>
    h("button", { type: "button", class: "spoiler-text", "data-action": "reveal", "aria-label": "Spoiler" }, h("span", {}, inline(match[1], names)))],
  [/^\*\*\*([\s\S]+?)\*\*\*(?!\*)/, (match, names) => h("strong", {}, h("em", {}, inline(match[1], names)))],
  [/^\*\*([\s\S]+?)\*\*(?!\*)/, (match, names) => h("strong", {}, inline(match[1], names))],
  [/^__([\s\S]+?)__(?!_)/, (match, names) => h("u", {}, inline(match[1], names))],
  [/^\*(?!\s)([^*]+?|(?:[^*]|\*\*)+?)\*(?!\*)/, (match, names) => h("em", {}, inline(match[1], names))],
  [/^_(?!\s)([^_]+?)_(?!\w)/, (match, names) => h("em", {}, inline(match[1], names))],
  [/^~~([\s\S]+?)~~/, (match, names) => h("s", {}, inline(match[1], names))],
  [/^\[([^\]\n]+)\]\(<?(https?:\/\/[^\s)>]+)>?(?: "[^"]*")?\)/i, (match, names) => link(match[2], inline(match[1], names))],
  [/^<(https?:\/\/[^\s>]+)>/i, (match) => link(match[1], match[1])],
  [/^https?:\/\/[^\s<>]+[^\s<>.,:;!?"')\]]/i, (match) => link(match[0], match[0])],
  [/^<@!?(\d+)>/, (match, names) => mention("@", names.user(match[1]) ?? "unknown member")],
  [/^<@&(\d+)>/, (match, names) => mention("@", names.role(match[1]) ?? "unknown role")],
  [/^<#(\d+)>/, (match, names) => mention("#", names.channel(match[1]) ?? "unknown channel")],
  [/^<\/([\w -]+):\d+>/, (match) => mention("/", match[1])],
  [/^<t:(-?\d{1,13})(?::([tTdDfFR]))?>/, (match) => timestamp(Number(match[1]), match[2])],
  [/^<a?:(\w+):\d+>/, (match) => `:${match[1]}:`],
  [/^@(everyone|here)\b/, (match) => mention("@", match[1])],
];

// A link to a message opens the message on this page, because discord.com does not know this server.
const MESSAGE = /^https:\/\/discord\.com\/channels\/(?:\d+|@me)\/(\d+)\/(\d+)$/;

const link = (url, label) => {
  const [, channel, message] = MESSAGE.exec(url) ?? [];
  if (message) return h("button", { type: "button", class: "plain-link", "data-action": "visit", "data-channel": channel, "data-target": message }, label);
  return outward(url, label);
};
const outward = (url, label) =>
  SAFE.test(url) ? h("a", { href: url, target: "_blank", rel: "noopener noreferrer" }, label) : String(label);
const mention = (sign, name) => h("span", { class: "mention" }, sign + name);

/** Renders one run of text without the rules for whole lines. */
export function inline(text, names) {
  const fragment = document.createDocumentFragment();
  let plain = "";
  const flush = () => {
    if (plain) fragment.append(...withEmoji(plain));
    plain = "";
  };
  for (let index = 0; index < text.length; ) {
    const rest = text.slice(index);
    // An underscore inside a word (snake_case) is not emphasis.
    const inWord = rest[0] === "_" && /\w/.test(text[index - 1] ?? "");
    const found = /[\\`|*_~[<h@]/i.test(rest[0]) && !inWord && firstRule(rest);
    if (!found) {
      plain += text[index];
      index += 1;
      continue;
    }
    const [match, make] = found;
    const node = make(match, names);
    if (typeof node === "string") plain += node;
    else {
      flush();
      fragment.append(node);
    }
    index += match[0].length;
  }
  flush();
  return fragment;
}

function firstRule(rest) {
  for (const [pattern, make] of RULES) {
    const match = pattern.exec(rest);
    if (match) return [match, make];
  }
  return null;
}
