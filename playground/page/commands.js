// The bot's commands as a person types them: `/mod log` is one entry, at any nesting depth.

const SUBCOMMAND = 1;
const GROUP = 2;
const isNested = (option) => option.type === SUBCOMMAND || option.type === GROUP;

/** -> [{path: ["mod", "log"], name: "mod log", description, options}] of the slash commands. */
export function flatten(commands) {
  const entries = [];
  const walk = (node, path) => {
    const nested = (node.options ?? []).filter(isNested);
    if (nested.length) for (const child of nested) walk(child, [...path, child]);
    else entries.push({ nodes: path, name: path.map(({ name }) => name).join(" "), description: node.description ?? "", options: ordered(node.options) });
  };
  for (const command of commands) if ((command.type ?? 1) === 1) walk(command, [command]);
  return entries.sort((a, b) => a.name.localeCompare(b.name));
}

const ordered = (options = []) => [...options.filter(({ required }) => required), ...options.filter(({ required }) => !required)];

export const menuCommands = (commands, type) => commands.filter((command) => command.type === type);

/** Returns the entries whose name contains the typed text; names that begin with it come first. */
export function matching(entries, typed) {
  const wanted = typed.toLowerCase().trim();
  const rank = ({ name, description }) => {
    if (name.startsWith(wanted)) return 0;
    if (name.split(" ").some((word) => word.startsWith(wanted))) return 1;
    if (name.includes(wanted)) return 2;
    return wanted.length > 2 && description.toLowerCase().includes(wanted) ? 3 : null;
  };
  return entries.map((entry) => [rank(entry), entry]).filter(([order]) => order !== null)
    .sort(([a], [b]) => a - b).map(([, entry]) => entry);
}

/** Returns the entry that a line such as "/mod log member: @ben" begins with, and the text after its name. */
export function named(entries, line) {
  const text = line.slice(1);
  const found = entries.filter(({ name }) => text === name || text.startsWith(`${name} `) || text.startsWith(`${name}\n`))
    .sort((a, b) => b.name.length - a.name.length)[0];
  return found ? { entry: found, rest: text.slice(found.name.length).trim() } : null;
}

/**
 * "prompt: a red apple steps: 20" -> Map {prompt: "a red apple", steps: "20"}. Only the command's own option names split the
 * text, each once, so a prompt may contain colons.
 */
export function pairs(options, text) {
  const marks = [];
  for (const { name } of options) {
    const match = new RegExp(`(?:^|\\s)(${name.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}):`, "u").exec(text);
    if (match) marks.push({ name, from: match.index, to: match.index + match[0].length });
  }
  marks.sort((a, b) => a.from - b.from);
  const values = new Map();
  const lead = text.slice(0, marks[0]?.from ?? text.length).trim();
  marks.forEach((mark, index) => values.set(mark.name, text.slice(mark.to, marks[index + 1]?.from ?? text.length).trim()));
  // Words before the first option name belong to the first option that is not named.
  const first = lead && options.find(({ name }) => !values.has(name));
  if (first) values.set(first.name, lead);
  return values;
}

/** Returns Discord's `data` of a command: values are placed under their subcommand. */
export function commandData({ nodes }, given) {
  const [root, ...inner] = nodes;
  const options = inner.reduceRight((content, node) => [{ name: node.name, type: node.type, options: content }], given);
  return { name: root.name, type: 1, ...(root.id ? { id: root.id } : {}), options };
}
