// A tour of half a minute: a member orders, a moderator decides. Skipped or finished, it does not come back in this browser.

import { h } from "./dom.js";
import { imagine } from "./invitation.js";

const SEEN = "tour-seen";
const DOUBTFUL = "a bloody sword"; // drawn, and shown to the moderators

/** acts: {order(prompt), visit(member, channel name)}. Returns {start}, which shows the tour again. */
export function tour(store, element, acts) {
  let step = 0;
  const named = (isModerator) => store.users.find((user) => !user.bot && Boolean(user.is_moderator) === isModerator);
  const name = (user) => user?.global_name || user?.username;

  const steps = [
    {
      text: () => `You are ${name(store.me)}, a member of this server. A member orders pictures, and everybody sees them.`,
      label: () => "Order an owl", run: () => acts.order("an owl"), isFor: () => imagine(store),
    },
    {
      text: () => "Under the pictures, U enlarges one, V varies it, and 🔄 draws new ones. Now order something doubtful: the moderators hear of it.",
      label: () => `Order “${DOUBTFUL}”`, run: () => acts.order(DOUBTFUL), isFor: () => imagine(store),
    },
    {
      text: () => `The bot has opened a case. ${name(named(true))} is a moderator and sees it in #mod-log.`,
      label: () => `Become ${name(named(true))}`, run: () => acts.visit(named(true), "mod-log"), isFor: () => named(true),
    },
    {
      text: () => "Decide: approve the pictures, remove them, or warn their member. The member gets a message and can appeal. A press on a member on the left makes you that member.",
      label: () => "Done", run: end, isFor: () => true,
    },
  ];

  function end() {
    localStorage.setItem(SEEN, "yes");
    element.hidden = true;
  }

  function draw() {
    if (element.hidden || !store.me) return;
    const { text, label, run, isFor } = steps[step];
    const isLast = step === steps.length - 1;
    element.replaceChildren(
      h("p", { class: "tour-text" }, h("span", { class: "tour-step" }, `${step + 1} of ${steps.length}`), text()),
      h("div", { class: "tour-buttons" },
        h("button", {
          type: "button", class: "prompt-button is-main", disabled: !isFor(),
          onclick() {
            if (!isLast) step += 1;
            run();
            draw();
          },
        }, label()),
        !isLast && h("button", { type: "button", class: "plain-link", onclick: end }, "Skip the tour")));
  }

  element.hidden = localStorage.getItem(SEEN) !== null;
  store.on("state bot commands channel", draw);
  return {
    start() {
      step = 0;
      element.hidden = false;
      draw();
    },
  };
}
