// The rules of an option: checks typed text, converts it into Discord's value, and lists the offers.

export const TYPE = { string: 3, integer: 4, boolean: 5, user: 6, channel: 7, role: 8, mentionable: 9, number: 10, attachment: 11 };

const isSame = (a, b) => String(a).toLowerCase() === String(b).toLowerCase();
const bare = (text) => text.replace(/^<?[@#]?[!&]?/, "").replace(/>$/, "").trim();

/** `input` is {text, value?, file?}; `value` is set when an offer was chosen. -> {value} or {error: sentence}; {} when empty. */
export function check(option, input, world) {
  const text = input.text.trim();
  if (option.type === TYPE.attachment) {
    if (input.value) return { value: input.value };
    if (text) return { error: `${option.name} takes a file: choose one or drop it here.` };
    return option.required ? { error: `${option.name} needs a file.` } : {};
  }
  if (!text) return option.required ? { error: `${option.name} is required.` } : {};
  if (input.value !== undefined) return { value: input.value };
  if (option.choices?.length) {
    const choice = option.choices.find(({ name, value }) => isSame(name, text) || isSame(value, text));
    return choice ? { value: choice.value } : { error: `${option.name} is one of the choices in its list.` };
  }
  return CHECKS[option.type]?.(option, text, world) ?? { value: text };
}

const CHECKS = {
  [TYPE.string]({ name, min_length: least, max_length: most }, text) {
    const length = [...text].length;
    if (least && length < least) return { error: `${name} needs at least ${least} characters.` };
    if (most && length > most) return { error: `${name} may have ${most} characters at most; this has ${length}.` };
    return { value: text };
  },
  [TYPE.integer]: (option, text) => within(option, /^[+-]?\d+$/.test(text) ? Number(text) : NaN, "a whole number"),
  [TYPE.number]: (option, text) => within(option, /^[+-]?(\d+\.?\d*|\.\d+)$/.test(text) ? Number(text) : NaN, "a number"),
  [TYPE.boolean]({ name }, text) {
    if (/^(true|yes|on)$/i.test(text)) return { value: true };
    if (/^(false|no|off)$/i.test(text)) return { value: false };
    return { error: `${name} is True or False.` };
  },
  [TYPE.user]: (option, text, world) => one(option, text, users(world), "a member of this server"),
  [TYPE.channel]: (option, text, world) => one(option, text, channels(world), "a channel of this server"),
  [TYPE.role]: (option, text, world) => one(option, text, roles(world), "a role of this server"),
  [TYPE.mentionable]: (option, text, world) => one(option, text, [...users(world), ...roles(world)], "a member or role"),
};

function within({ name, min_value: least, max_value: most }, number, kind) {
  const hasLeast = least !== undefined && least !== null;
  const hasMost = most !== undefined && most !== null;
  const range = hasLeast && hasMost ? ` between ${least} and ${most}` : hasLeast ? ` of at least ${least}` : hasMost ? ` of at most ${most}` : "";
  const isOutside = Number.isNaN(number) || !Number.isSafeInteger(Math.trunc(number)) || (hasLeast && number < least) || (hasMost && number > most);
  return isOutside ? { error: `${name} must be ${kind}${range}.` } : { value: number };
}

function one({ name }, text, offers, kind) {
  const wanted = bare(text);
  const found = offers.find((offer) => offer.value === wanted || isSame(offer.label, wanted) || isSame(offer.also ?? "", wanted));
  return found ? { value: found.value } : { error: `${name} must be ${kind}.` };
}

const users = ({ users }) => users.map((user) => ({ label: user.global_name || user.username, also: user.username, value: user.id, hint: user.bot ? "bot" : user.username }));
const channels = ({ channels }) => channels.map((channel) => ({ label: channel.name, value: channel.id, hint: channel.topic || "" }));
const roles = ({ roles }) => roles.map((role) => ({ label: role.name, value: role.id, hint: "role" }));

/** Returns the offers that need no answer from the bot: [{label, value, hint}], or null for free text. */
export function offers(option, typed, world) {
  const all = option.choices?.length
    ? option.choices.map(({ name, value }) => ({ label: name, value }))
    : { [TYPE.boolean]: () => [{ label: "True", value: true }, { label: "False", value: false }],
        [TYPE.user]: () => users(world), [TYPE.channel]: () => channels(world), [TYPE.role]: () => roles(world),
        [TYPE.mentionable]: () => [...users(world), ...roles(world)] }[option.type]?.();
  if (!all) return null;
  const wanted = bare(typed).toLowerCase();
  return all.filter(({ label, also }) => label.toLowerCase().includes(wanted) || also?.toLowerCase().includes(wanted)).slice(0, 25);
}

/** Returns a short placeholder for an empty pill. */
export function hintOf(option) {
  const { min_value: least, max_value: most } = option;
  if (option.type === TYPE.integer || option.type === TYPE.number) {
    return least !== undefined && most !== undefined ? `${least}–${most}` : "number";
  }
  return { [TYPE.boolean]: "True or False", [TYPE.user]: "member", [TYPE.channel]: "channel", [TYPE.role]: "role" }[option.type] ?? "";
}
