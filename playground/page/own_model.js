// "Use your own model": the lines of config.toml, and a first look at a model's folder or file. Nothing is uploaded.

import { h, icon } from "./dom.js";

const MOST_HEADER = 100_000_000; // bytes; larger ones are refused by safetensors' readers
const OPTIONAL = ["safety_checker", "feature_extractor", "image_encoder"]; // the bot loads none of them

/** Reads what a .safetensors file holds, from its header alone. -> the names of its tensors. Throws a sentence. */
export async function tensorsOf(file) {
  const length = file.size >= 8 ? new DataView(await file.slice(0, 8).arrayBuffer()).getBigUint64(0, true) : 0n;
  if (length < 2n || length > MOST_HEADER || Number(length) + 8 > file.size) throw new Error(`${file.name} is no whole .safetensors file.`);
  try {
    const header = JSON.parse(await file.slice(8, 8 + Number(length)).text());
    const names = Object.keys(header).filter((name) => name !== "__metadata__");
    const end = Math.max(0, ...names.map((name) => header[name].data_offsets[1]));
    if (8 + Number(length) + end !== file.size) throw new Error();
    return names;
  } catch {
    throw new Error(`${file.name} is no whole .safetensors file.`);
  }
}

/** -> {source, side, found}: what to write, and a sentence. Throws a sentence. */
export async function lookAtFile(file) {
  const kind = file.name.toLowerCase().split(".").pop();
  if (kind === "gguf") return { source: file.name, side: 1024, found: `${file.name} needs base, a folder with the other parts: docs/models.md shows how.` };
  if (kind !== "safetensors") throw new Error("A model is a folder in diffusers' layout, or one .safetensors or .gguf file. Pickled files (.ckpt, .pt) are not read.");
  const names = await tensorsOf(file);
  const has = (part) => names.some((name) => name.includes(part));
  if (has("lora_") || has(".lora")) throw new Error(`${file.name} is a LoRA. It belongs into [[models.loras]] of its model; config.example.toml shows how.`);
  const base = { source: file.name, found: `${file.name}: a whole file with ${names.length} tensors.` };
  if (has("conditioner.embedders")) return { ...base, side: 1024, found: `${base.found} It looks like Stable Diffusion XL.` };
  if (has("cond_stage_model.model")) return { ...base, side: 768, found: `${base.found} It looks like Stable Diffusion 2.` };
  if (has("cond_stage_model")) return { ...base, side: 512, found: `${base.found} It looks like Stable Diffusion 1.` };
  return { ...base, side: 1024, found: `${base.found} It may need base, a folder with the other parts: config.example.toml says which do.` };
}

/** files: [{path, file}] of one folder, with paths below it. */
export async function lookAtFolder(name, files) {
  const index = files.find(({ path }) => path === "model_index.json");
  if (!index) throw new Error(`${name} has no model_index.json, so it is not in diffusers' layout.`);
  let parts;
  try {
    parts = Object(JSON.parse(await index.file.text()));
  } catch {
    throw new Error("model_index.json can't be read.");
  }
  const isWanted = ([part, value]) => !part.startsWith("_") && !OPTIONAL.includes(part) && Array.isArray(value) && value[0];
  const wanted = Object.entries(parts).filter(isWanted).map(([part]) => part);
  const missing = wanted.filter((part) => !files.some(({ path }) => path.startsWith(`${part}/`)));
  if (missing.length) throw new Error(`${name} lacks ${missing.join(", ")}.`);
  const kind = String(parts._class_name ?? "");
  return { source: name, side: kind === "StableDiffusionPipeline" ? 512 : 1024, found: `${name}: ${kind} with all of its ${wanted.length} parts.` };
}

const linesOf = ({ source = "NAME", side = 1024 } = {}) => `[generation]
default_model = "mine"

[[models]]
name = "mine"
source = ${JSON.stringify(`/path/to/${source}`)}
licence = "as its page says"
side = ${side}
`;

export function openOwnModel() {
  const lines = h("pre", { class: "own-lines" }, linesOf());
  const said = h("p", { class: "own-said", role: "status" });
  const show = async (look) => {
    try {
      const found = await look();
      lines.textContent = linesOf(found);
      said.textContent = found.found;
      said.classList.remove("is-wrong");
    } catch (error) {
      said.textContent = error.message;
      said.classList.add("is-wrong");
    }
  };
  const ofList = (list) => {
    const files = [...list].map((file) => ({ file, path: file.webkitRelativePath.split("/").slice(1).join("/") }));
    if (files.length) show(() => lookAtFolder(files[0].file.webkitRelativePath.split("/")[0], files));
  };
  const choose = (label, props, take) => {
    const input = h("input", { type: "file", class: "own-input", ...props });
    input.addEventListener("change", () => input.files.length && take(input.files));
    return h("label", { class: "small-button own-choose" }, label, input);
  };
  const drop = h("div", { class: "own-drop" }, h("p", {}, "Drop a model's folder, .safetensors or .gguf file here to check it. Nothing is uploaded."),
    h("div", { class: "own-buttons" },
      choose("Choose a file", { accept: ".safetensors,.gguf", "aria-label": "Choose a file" }, ([file]) => show(() => lookAtFile(file))),
      choose("Choose a folder", { webkitdirectory: true, "aria-label": "Choose a folder" }, ofList)));
  const dialog = h("dialog", { class: "modal", "aria-label": "Use your own model" },
    h("header", { class: "modal-head" }, h("span", { class: "modal-mark", "aria-hidden": "true" }), h("h2", {}, "Use your own model"),
      h("button", { type: "button", class: "tool", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    h("div", { class: "modal-body" },
      h("p", {}, "A new config.toml, beside main.py, takes these lines. One that exists takes the table [[models]] at its end, and default_model in its table [generation]. Then press Stop and Start on this page."),
      lines, drop, said,
      h("p", { class: "field-description" }, "python main.py doctor checks the rest, and says how long an order takes.")));
  dialog.addEventListener("dragover", (event) => event.preventDefault());
  dialog.addEventListener("drop", (event) => {
    event.preventDefault();
    const entry = event.dataTransfer.items[0]?.webkitGetAsEntry?.();
    if (entry?.isDirectory) show(async () => lookAtFolder(entry.name, await filesIn(entry)));
    else if (event.dataTransfer.files[0]) show(() => lookAtFile(event.dataTransfer.files[0]));
  });
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

/** Returns the files of a dropped folder and of the folders in it. */
async function filesIn(folder, below = "") {
  const reader = folder.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject)); // at most 100 at once
    if (!some.length) break;
    entries.push(...some);
  }
  const found = await Promise.all(entries.map(async (entry) =>
    entry.isDirectory
      ? below ? [] : filesIn(entry, `${entry.name}/`)
      : [{ path: below + entry.name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }]));
  return found.flat();
}
