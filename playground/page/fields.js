// The fields of a modal. Each field is {element, check() -> sentence or null, answer() -> the value for Discord}.

import { selectOptions } from "./choices.js";
import { h, icon } from "./dom.js";
import { openSelect } from "./floating.js";

let serial = 0;

/** label: {text, description} or null; tools: {store, upload(file)} */
export function field(component, label, tools) {
  return KINDS[component.type]?.(component, label, tools) ?? null;
}

const isRequired = (component) => component.required !== false;

/** The label, the control, and space for the error message. */
function frame(component, label, control, { group = false } = {}) {
  const id = `field-${(serial += 1)}`;
  const problem = h("p", { class: "field-problem", id: `${id}-problem`, role: "alert" });
  const title = [label.text, isRequired(component) && h("span", { class: "required", "aria-hidden": "true" }, " *")];
  if (!group) control.id = id;
  control.setAttribute("aria-describedby", `${id}-problem`);
  const element = h(group ? "fieldset" : "div", { class: "field", "data-custom-id": component.custom_id },
    group ? h("legend", {}, title) : h("label", { for: id }, title),
    label.description && h("p", { class: "field-description" }, label.description), control, problem);
  // The asterisk is visual only; the accessible name is the label alone.
  if (!control.hasAttribute("aria-label")) control.setAttribute("aria-label", label.text);
  return { element, complain: (text) => { problem.textContent = text ?? ""; control.classList.toggle("is-invalid", Boolean(text)); } };
}

function finish({ element, complain }, judge, answer) {
  return { element, answer, check() { const problem = judge(); complain(problem); return problem; } };
}

function text(component, label) {
  const isLong = component.style === 2;
  const control = h(isLong ? "textarea" : "input", {
    type: isLong ? null : "text", rows: isLong ? 4 : null, placeholder: component.placeholder,
    maxlength: component.max_length ?? 4000, required: isRequired(component),
  });
  control.value = component.value ?? "";
  const framed = frame(component, label, control);
  if (isLong || component.max_length) {
    const count = h("span", { class: "count", "aria-hidden": "true" });
    const update = () => (count.textContent = String((component.max_length ?? 4000) - control.value.length));
    control.addEventListener("input", update);
    update();
    framed.element.append(count);
  }
  return finish(framed, () => {
    const { length } = control.value.trim();
    if (!length) return isRequired(component) ? "This is required." : null;
    return component.min_length && control.value.length < component.min_length ? `At least ${component.min_length} characters, please.` : null;
  }, () => ({ type: 4, custom_id: component.custom_id, value: control.value }));
}

function select(component, label, { store }) {
  const options = selectOptions(component, store);
  let values = options.filter((option) => option.default).map(({ value }) => value);
  const shown = h("span", { class: "select-text" });
  const control = h("button", { type: "button", class: "select", role: "combobox", "aria-haspopup": "listbox", "aria-expanded": "false" }, shown, icon("chevron"));
  const draw = () => {
    shown.textContent = options.filter(({ value }) => values.includes(value)).map(({ label }) => label).join(", ") || component.placeholder || "Make a selection";
    shown.classList.toggle("is-placeholder", !values.length);
  };
  control.addEventListener("click", () => openSelect(control, component, options, values, (chosen) => { values = chosen; draw(); }));
  draw();
  return finish(frame(component, label, control),
    () => (isRequired(component) && values.length < Math.max(1, component.min_values ?? 1) ? "Choose something here." : null),
    () => ({ type: component.type, custom_id: component.custom_id, values }));
}

function files(component, label, { upload }) {
  const control = h("input", { type: "file", multiple: (component.max_values ?? 1) > 1 });
  let uploads = [];
  let problem = null;
  control.addEventListener("change", () => {
    problem = null;
    uploads = [...control.files].slice(0, component.max_values ?? 1).map((file) => upload(file).catch((error) => { problem = error.message; return null; }));
  });
  const least = isRequired(component) ? component.min_values ?? 1 : 0;
  return finish(frame(component, label, control),
    () => problem ?? (uploads.length < least ? "A file is needed." : null),
    async () => ({ type: 19, custom_id: component.custom_id, values: (await Promise.all(uploads)).filter(Boolean).map(({ id }) => id) }));
}

const ticks = (kind) => (component, label) => {
  const name = `ticks-${(serial += 1)}`;
  const boxes = (component.options ?? []).map((option) => {
    const box = h("input", { type: kind, name, value: option.value });
    box.checked = Boolean(option.default);
    return { box, element: h("label", { class: "tick" }, box, h("span", { class: "option-text" }, option.label, option.description && h("span", { class: "option-hint" }, option.description))) };
  });
  const group = h("div", { class: "ticks", role: kind === "radio" ? "radiogroup" : "group" }, boxes.map(({ element }) => element));
  const chosen = () => boxes.filter(({ box }) => box.checked).map(({ box }) => box.value);
  return finish(frame(component, label, group, { group: true }), () => {
    const { length } = chosen();
    const least = isRequired(component) ? component.min_values ?? 1 : 0;
    if (length < least) return "Choose something here.";
    return kind === "checkbox" && component.max_values && length > component.max_values ? `${component.max_values} at most.` : null;
  }, () => ({ type: component.type, id: component.id, custom_id: component.custom_id, ...(kind === "radio" ? { value: chosen()[0] ?? null } : { values: chosen() }) }));
};

function checkbox(component, label) {
  const box = h("input", { type: "checkbox", "aria-label": label.text });
  box.checked = Boolean(component.default);
  const element = h("div", { class: "field", "data-custom-id": component.custom_id },
    h("label", { class: "tick" }, box, h("span", { class: "option-text" }, label.text, label.description && h("span", { class: "option-hint" }, label.description))));
  return { element, check: () => null, answer: () => ({ type: 23, id: component.id, custom_id: component.custom_id, value: box.checked }) };
}

const KINDS = { 3: select, 4: text, 5: select, 6: select, 7: select, 8: select, 19: files, 21: ticks("radio"), 22: ticks("checkbox"), 23: checkbox };
