// The state that this member can see, and its changes. Knows neither the DOM nor the network.

const EPHEMERAL = 64;
const REMEMBERED = 200; // interaction ids; far more than can be pending at once

export class Store extends EventTarget {
  me = null;
  guild = { name: "" };
  users = [];
  channels = [];
  commands = [];
  bot = { user: null, status: "offline", activity: null, controllable: false };
  messages = new Map(); // channel id -> messages, oldest first
  exhausted = new Set(); // channels whose first message has been read
  unread = new Set();
  typing = new Map(); // channel id -> Map(user id -> until, in milliseconds)
  pending = new Map(); // interaction id -> {channel, message?, custom_id?, command?}
  failures = []; // {id, channel, message?, text}: shown to this member only, until the page is closed
  online = false; // whether the socket is open
  channel = null; // id of the visible channel

  #chosen = new Map(); // "message custom_id" -> values chosen there since the message last changed
  #contexts = new Map(); // interaction id -> its former entry in `pending`
  #settled = new Set(); // ids of interactions answered before the page knew them
  #dismissed = new Set(JSON.parse(sessionStorage.getItem("dismissed") ?? "[]"));

  tell(topic, detail) {
    this.dispatchEvent(new CustomEvent(topic, { detail }));
  }

  on(topics, run) {
    for (const topic of topics.split(" ")) this.addEventListener(topic, ({ detail }) => run(detail));
  }

  replace(state) {
    const sameMember = this.me?.id === state.me.id;
    Object.assign(this, { me: state.me, guild: state.guild, users: state.users, channels: state.channels, commands: state.commands, bot: state.bot });
    // Older pages loaded by scrolling would leave a gap before the new messages: start again.
    this.messages = new Map(this.channels.map(({ id }) => [id, state.messages[id] ?? []]));
    this.exhausted = new Set(this.channels.filter(({ id }) => this.list(id).length < 50).map(({ id }) => id));
    this.pending.clear();
    this.typing.clear();
    if (!sameMember) {
      this.failures = [];
      this.unread.clear();
    }
    if (!this.channels.some(({ id }) => id === this.channel)) this.channel = this.channels[0]?.id ?? null;
    this.tell("state");
  }

  /** The commands that the member may use in the visible channel. */
  get usable() {
    const isDirect = this.channels.find(({ id }) => id === this.channel)?.is_dm;
    return this.commands.filter((command) => command[isDirect ? "in_dm" : "in_guild"]);
  }

  list(channel = this.channel) {
    return this.messages.get(channel) ?? [];
  }

  shown(channel = this.channel) {
    return this.list(channel).filter(({ id }) => !this.#dismissed.has(id));
  }

  find(id) {
    for (const messages of this.messages.values()) {
      const message = messages.find((candidate) => candidate.id === id);
      if (message) return message;
    }
    return null;
  }

  user = (id) => this.users.find((user) => user.id === id) ?? (this.bot.user?.id === id ? this.bot.user : null);
  channelNamed = (name) => this.channels.find((channel) => channel.name === name);

  get roles() {
    // Users carry role ids only. A role has no name here, so it is named after its members.
    const ids = new Set(this.users.flatMap(({ roles }) => roles ?? []).filter((id) => id !== this.guild.id));
    return [...ids].map((id) => {
      const holders = this.users.filter(({ roles }) => roles?.includes(id));
      const ofModerators = holders.some((user) => user.is_moderator) && holders.every((user) => user.is_moderator || user.bot);
      return { id, name: ofModerators ? "Moderators" : `Role of ${holders.map((user) => user.global_name || user.username).join(", ")}` };
    });
  }

  names = {
    user: (id) => {
      const user = this.user(id);
      return user && (user.global_name || user.username);
    },
    channel: (id) => this.channels.find((channel) => channel.id === id)?.name ?? null,
    role: (id) => this.roles.find((role) => role.id === id)?.name ?? null,
  };

  show(channel) {
    this.channel = channel;
    this.unread.delete(channel);
    this.tell("channel");
  }

  prepend(channel, older) {
    const known = new Set(this.list(channel).map(({ id }) => id));
    this.messages.set(channel, [...older.filter(({ id }) => !known.has(id)), ...this.list(channel)]);
    if (older.length === 0) this.exhausted.add(channel);
    this.tell("older", channel);
  }

  dismiss(id) {
    this.#dismissed.add(id);
    sessionStorage.setItem("dismissed", JSON.stringify([...this.#dismissed]));
    this.failures = this.failures.filter((failure) => failure.id !== id);
    this.tell("messages", this.channel);
  }

  /** Records an interaction that the playground accepted. Its answer may arrive before its id. */
  await(id, context) {
    this.#contexts.set(id, context);
    if (this.#contexts.size > REMEMBERED) this.#contexts.delete(this.#contexts.keys().next().value);
    if (!this.#settled.delete(id)) this.pending.set(id, context);
    const failure = this.failures.find((one) => one.id === id);
    if (failure) Object.assign(failure, { message: context.message, command: context.command });
    this.tell(failure ? "messages" : "pending", context.channel);
  }

  contextOf = (id) => this.#contexts.get(id);

  isBusy(message, customId) {
    return [...this.pending.values()].some((one) => one.message === message && one.custom_id === customId);
  }

  chosenIn = (message, customId) => this.#chosen.get(`${message} ${customId}`);
  choose = (message, customId, values) => this.#chosen.set(`${message} ${customId}`, values);

  #settle(id) {
    if (!this.pending.delete(id) && !this.#contexts.has(id)) this.#settled.add(id);
    if (this.#settled.size > REMEMBERED) this.#settled.delete(this.#settled.keys().next().value);
    this.tell("pending");
  }

  #fail({ id, channel_id: channel, message: text }) {
    const { message, command } = this.contextOf(id) ?? {};
    this.failures.push({ id, channel, text, message, command, at: Date.now() });
    this.#settle(id);
    this.tell("messages", channel);
  }

  take({ t: topic, d: data }) {
    switch (topic) {
      case "MESSAGE_CREATE":
      case "MESSAGE_UPDATE": return this.#put(data, topic === "MESSAGE_CREATE");
      case "MESSAGE_DELETE":
        this.messages.set(data.channel_id, this.list(data.channel_id).filter(({ id }) => id !== data.id));
        return this.tell("messages", data.channel_id);
      case "COMMANDS":
        this.commands = data;
        return this.tell("commands");
      case "BOT":
        this.bot = data;
        return this.tell("bot");
      case "MODAL":
        this.#settle(data.interaction_id);
        return this.tell("modal", data);
      case "TYPING": {
        const typists = this.typing.get(data.channel_id) ?? new Map();
        this.typing.set(data.channel_id, typists.set(data.user_id, Date.now() + 9000));
        return this.tell("typing");
      }
      case "INTERACTION_DONE": return this.#settle(data.id);
      case "INTERACTION_FAILED": return this.#fail(data);
    }
  }

  #put(message, isNew) {
    // The bot's first direct message opens a channel that this page does not know yet.
    if (isNew && !this.messages.has(message.channel_id)) return this.tell("stale");
    const messages = this.list(message.channel_id);
    const index = messages.findIndex(({ id }) => id === message.id);
    if (index >= 0) messages[index] = message;
    else if (!isNew) return; // an update of a message older than the loaded ones
    else messages.push(message);
    for (const key of this.#chosen.keys()) if (key.startsWith(`${message.id} `)) this.#chosen.delete(key);
    this.typing.get(message.channel_id)?.delete(message.author.id);
    for (const [id, context] of this.pending) if (context.message === message.id) this.pending.delete(id);
    if (isNew && index < 0 && message.channel_id !== this.channel) this.unread.add(message.channel_id);
    this.tell("message", message);
    this.tell("typing");
  }
}

export const isEphemeral = (message) => Boolean(message.flags & EPHEMERAL);
