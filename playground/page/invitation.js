// Prompts to begin with, as buttons at the beginning of a channel. A press sends /imagine.

import { commandData, flatten } from "./commands.js";
import { h } from "./dom.js";
import { TYPE } from "./options.js";

const NAME = "imagine";
const PROMPT = "prompt";

/** Returns the bot's command that draws a prompt; undefined while there is none. */
export const imagine = (store) =>
  store.bot.status === "online"
    ? flatten(store.usable).find(({ name, options }) => name === NAME && options.some((option) => option.name === PROMPT))
    : undefined;

/** -> {data, name} of /imagine with this prompt */
export function order(store, prompt) {
  const entry = imagine(store);
  return { data: commandData(entry, [{ name: PROMPT, type: TYPE.string, value: prompt }]), name: entry.name };
}

export const anyOf = (prompts) => prompts[Math.floor(Math.random() * prompts.length)];

/** The buttons. While the bot is away they can't be pressed. */
export function invitation({ prompts }, isReady) {
  const button = (label, prompt) =>
    h("button", { type: "button", class: "prompt-button", "data-action": "invite", "data-prompt": prompt, disabled: !isReady }, label);
  return h("div", { class: "invitation", role: "group", "aria-label": "Prompts to begin with" },
    h("p", {}, "Press a prompt, and the bot draws it. Or type ", h("kbd", {}, `/${NAME}`), " and your own words."),
    h("div", { class: "prompt-buttons" }, prompts.map((prompt) => button(prompt, prompt)), button("🎲 Surprise me", null)));
}
