// The page's requests to the playground: HTTP requests, and one WebSocket that reconnects by itself.

export class Refused extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function request(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refused(0, "The playground cannot be reached.");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, body.message ?? `The playground answered ${response.status}.`);
  return body;
}

const post = (path, body) =>
  request(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const fetchState = (as) => request(`/play/state${as ? `?as=${encodeURIComponent(as)}` : ""}`);
export const fetchMessages = (as, channel, before) =>
  request(`/play/messages?${new URLSearchParams({ as, channel_id: channel, before })}`);
export const sendMessage = (as, channel, content) => post("/play/messages", { as, channel_id: channel, content });
export const sendInteraction = (interaction) => post("/play/interactions", interaction);
export const fetchBot = () => request("/play/bot");
export const controlBot = (action) => post("/play/bot", { action });

export function upload(as, file) {
  const form = new FormData();
  form.append("file", file, file.name);
  return request(`/play/uploads?as=${encodeURIComponent(as)}`, { method: "POST", body: form });
}

const PATIENCE = [250, 500, 1000, 2000, 4000]; // milliseconds between two attempts

/**
 * Keeps a socket open for one member until closed. `onopen` runs at every new connection: frames sent without a connection are
 * lost, so the state must be read again.
 */
export function connect(as, { onopen, onframe, onlost }) {
  let socket = null;
  let attempts = 0;
  let timer = 0;
  let closed = false;

  const open = () => {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    socket = new WebSocket(`${scheme}://${location.host}/play/ws?as=${encodeURIComponent(as)}`);
    socket.addEventListener("open", () => {
      attempts = 0;
      onopen();
    });
    socket.addEventListener("message", ({ data }) => {
      if (!closed) onframe(JSON.parse(data));
    });
    socket.addEventListener("close", () => {
      if (closed) return;
      onlost();
      timer = setTimeout(open, PATIENCE[Math.min(attempts++, PATIENCE.length - 1)]);
    });
  };
  open();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
      socket.close();
    },
  };
}
