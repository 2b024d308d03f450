// Changes a rendered tree into another one in place. Kept elements keep their state: a loaded picture, the focus, a press in
// progress, an opened spoiler.

// Set by the reader or by loaded pictures, so a new rendering does not contain them.
const KEPT = new Set(["data-revealed", "data-shown", "data-next", "data-learned"]);

export function morph(current, next) {
  if (current.nodeType !== next.nodeType || current.nodeName !== next.nodeName || key(current) !== key(next)) {
    current.replaceWith(next);
    return;
  }
  if (current.nodeType !== Node.ELEMENT_NODE) {
    if (current.nodeValue !== next.nodeValue) current.nodeValue = next.nodeValue;
    return;
  }
  for (const { name, value } of [...next.attributes]) {
    if (name === "style" && current.hasAttribute("data-learned") && next.hasAttribute("data-unsized")) continue;
    // media.js changes a picture's address when the new picture can be painted.
    if (name === "src" && current.hasAttribute("data-src")) continue;
    if (current.getAttribute(name) !== value) current.setAttribute(name, value);
  }
  for (const { name } of [...current.attributes]) {
    if (next.hasAttribute(name) || KEPT.has(name) || (name === "src" && current.hasAttribute("data-src"))) continue;
    current.removeAttribute(name);
  }
  const before = [...current.childNodes];
  const after = [...next.childNodes];
  after.forEach((child, index) => {
    if (index < before.length) morph(before[index], child);
    else current.append(child);
  });
  for (const left of before.slice(after.length)) left.remove();
}

const key = (node) => (node.nodeType === Node.ELEMENT_NODE ? node.getAttribute("data-key") : null);
