// A modal that the bot opened: its fields, and the answer in Discord's form.

import { h, icon } from "./dom.js";
import { field } from "./fields.js";
import { markdown } from "./markdown.js";

let open = null;

/** data: a MODAL frame; submit(components) -> promise, rejected with a sentence. */
export function openModal(data, tools, submit) {
  open?.close();
  const parts = data.components.map((component) => part(component, tools)).filter(Boolean);
  const problem = h("p", { class: "modal-problem", role: "alert" });
  const send = h("button", { type: "submit", class: "button primary" }, h("span", { class: "button-label" }, "Submit"), h("span", { class: "spinner", "aria-hidden": "true" }));
  const form = h("form", { novalidate: true, autocomplete: "off" },
    h("header", { class: "modal-head" }, h("span", { class: "modal-mark", "aria-hidden": "true" }), h("h2", {}, data.title),
      h("button", { type: "button", class: "tool", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    h("div", { class: "modal-body" }, parts.map(({ element }) => element), problem),
    h("footer", { class: "modal-foot" }, h("button", { type: "button", class: "button secondary", onclick: () => dialog.close() }, h("span", { class: "button-label" }, "Cancel")), send));
  const dialog = h("dialog", { class: "modal", "aria-label": data.title, "data-custom-id": data.custom_id }, form);
  open = dialog;

  form.addEventListener("keydown", (event) => {
    // As in most text areas: with the modifier Enter sends, without it Enter starts a new line.
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const isWrong = parts.map(({ check }) => check()).some(Boolean);
    if (isWrong || send.hasAttribute("aria-busy")) return;
    send.setAttribute("aria-busy", "true");
    problem.textContent = "";
    try {
      await submit(await Promise.all(parts.map(({ answer }) => answer())));
      dialog.close();
    } catch (error) {
      problem.textContent = error.message;
    } finally {
      send.removeAttribute("aria-busy");
    }
  });
  dialog.addEventListener("close", () => {
    dialog.remove();
    if (open === dialog) open = null;
  });
  document.body.append(dialog);
  dialog.showModal();
  dialog.querySelector(".modal-body input, .modal-body textarea, .modal-body .select")?.focus();
}

export const closeModal = () => open?.close();

function part(component, tools) {
  if (component.type === 1) {
    // The older form: a row with one text input that has its own label.
    const [child] = component.components;
    const inner = field(child, { text: child.label ?? "" }, tools);
    return inner && { ...inner, answer: async () => ({ type: 1, components: [await inner.answer()] }) };
  }
  if (component.type === 18) {
    const child = component.component;
    const inner = field(child, { text: component.label, description: component.description }, tools);
    return inner && {
      ...inner,
      answer: async () => ({ type: 18, id: component.id, component: { id: child.id, ...(await inner.answer()) } }),
    };
  }
  if (component.type === 10) {
    return {
      element: h("div", { class: "markdown" }, markdown(component.content, tools.store.names)),
      check: () => null, answer: () => ({ type: 10, id: component.id }),
    };
  }
  return null;
}
