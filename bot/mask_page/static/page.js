"use strict";

// What is drawn: one byte for each cell of the grid, by rows. The server gets one bit for each.
const page = document.getElementById("page");
const rows = Number(page.dataset.rows);
const columns = Number(page.dataset.columns);
const longer = Math.max(rows, columns);
let cells = new Uint8Array(rows * columns);
const earlier = []; // for undo
const MOST_EARLIER = 100;

const frame = document.getElementById("frame");
const picture = { width: Number(page.dataset.width), height: Number(page.dataset.height) };
const canvas = document.getElementById("canvas");
const pen = canvas.getContext("2d");
const small = document.createElement("canvas"); // not an OffscreenCanvas, which older browsers lack
small.width = columns;
small.height = rows;
const smallPen = small.getContext("2d");
const ring = document.getElementById("ring");
const brush = document.getElementById("brush");
const erase = document.getElementById("erase");
const size = document.getElementById("size");
const undo = document.getElementById("undo");
const clear = document.getElementById("clear");
const send = document.getElementById("send");
const said = document.getElementById("said");

let last = null; // the pointer's place while it paints, in cells
let cursor = { x: columns / 2, y: rows / 2 }; // the brush's place, in cells
let isFixed = false; // from the press on "send" on: what was sent is what the page shows

// ---- the picture's size on the page

function fit() {
  const ratio = picture.width / picture.height;
  const width = Math.min(page.clientWidth, page.clientHeight * ratio);
  frame.style.width = `${Math.floor(width)}px`;
  frame.style.height = `${Math.floor(width / ratio)}px`;
  canvas.width = Math.max(1, Math.round(width * devicePixelRatio));
  canvas.height = Math.max(1, Math.round((width / ratio) * devicePixelRatio));
  showRing();
  show();
}

// ---- drawing

function radius() {
  return (Number(size.value) / 100) * longer / 2;
}

function remember() {
  earlier.push(cells.slice());
  if (earlier.length > MOST_EARLIER) earlier.shift();
}

function stroke(from, to) {
  const value = erase.checked ? 0 : 1;
  const reach = radius();
  const length = Math.hypot(to.x - from.x, to.y - from.y);
  const points = Math.max(1, Math.ceil(length * 2));
  for (let point = 0; point <= points; point++) {
    const x = from.x + ((to.x - from.x) * point) / points;
    const y = from.y + ((to.y - from.y) * point) / points;
    for (let row = Math.max(0, Math.floor(y - reach)); row <= Math.min(rows - 1, y + reach); row++) {
      for (let column = Math.max(0, Math.floor(x - reach)); column <= Math.min(columns - 1, x + reach); column++) {
        if (Math.hypot(column + 0.5 - x, row + 0.5 - y) <= reach) cells[row * columns + column] = value;
      }
    }
  }
  show();
}

function show() {
  const pixels = smallPen.createImageData(columns, rows);
  let count = 0;
  cells.forEach((cell, at) => {
    count += cell;
    pixels.data.set([88, 101, 242, cell ? 255 : 0], 4 * at);
  });
  smallPen.putImageData(pixels, 0, 0);
  pen.globalCompositeOperation = "source-over";
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.imageSmoothingQuality = "high";
  // A light edge and stripes show the region on every colour.
  pen.shadowColor = "#fff";
  pen.shadowBlur = 3 * devicePixelRatio;
  pen.drawImage(small, 0, 0, canvas.width, canvas.height);
  pen.shadowColor = "transparent";
  pen.globalCompositeOperation = "source-atop";
  pen.strokeStyle = "#ffffff59";
  pen.lineWidth = 3 * devicePixelRatio;
  pen.beginPath();
  for (let at = -canvas.height; at < canvas.width; at += 14 * devicePixelRatio) {
    pen.moveTo(at, canvas.height);
    pen.lineTo(at + canvas.height, 0);
  }
  pen.stroke();
  undo.disabled = isFixed || earlier.length === 0;
  clear.disabled = send.disabled = isFixed || count === 0;
}

function showRing() {
  const scale = frame.clientWidth / columns;
  const side = 2 * radius() * scale;
  ring.style.width = ring.style.height = `${side}px`;
  ring.style.transform = `translate(${cursor.x * scale - side / 2}px, ${cursor.y * scale - side / 2}px)`;
  ring.classList.toggle("erases", erase.checked);
}

// ---- mouse, pen and touch

function place(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: ((event.clientX - box.left) / box.width) * columns,
    y: ((event.clientY - box.top) / box.height) * rows,
  };
}

canvas.addEventListener("pointerdown", (event) => {
  if (isFixed || last || event.button !== 0) return;
  canvas.setPointerCapture(event.pointerId);
  remember();
  last = cursor = place(event);
  stroke(last, last);
  showRing();
  tell("");
});

canvas.addEventListener("pointermove", (event) => {
  ring.style.display = isFixed ? "none" : "block";
  cursor = place(event);
  showRing();
  if (!last) return;
  for (const each of event.getCoalescedEvents?.() ?? [event]) {
    const next = place(each);
    stroke(last, next);
    last = next;
  }
});

function stop() {
  last = null;
}

canvas.addEventListener("pointerup", stop);
canvas.addEventListener("pointercancel", stop);
canvas.addEventListener("pointerleave", () => {
  if (!last && document.activeElement !== canvas) ring.style.display = "none";
});

// ---- keyboard

const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

canvas.addEventListener("keydown", (event) => {
  if (isFixed) return;
  const move = MOVES[event.key];
  if (move) {
    cursor = {
      x: Math.min(columns, Math.max(0, cursor.x + move[0] * 2)),
      y: Math.min(rows, Math.max(0, cursor.y + move[1] * 2)),
    };
  } else if (event.key === " ") {
    remember();
    stroke(cursor, cursor);
  } else {
    return;
  }
  event.preventDefault();
  ring.style.display = "block";
  showRing();
});

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !undo.disabled) {
    event.preventDefault();
    undo.click();
  }
});

// ---- the tools

undo.addEventListener("click", () => {
  cells = earlier.pop() ?? cells;
  show();
});

clear.addEventListener("click", () => {
  remember();
  cells = new Uint8Array(rows * columns);
  show();
});

for (const each of [brush, erase, size]) each.addEventListener("input", showRing);

function tell(text, kind = "") {
  said.textContent = text;
  said.className = kind;
}

function packed() {
  const bytes = new Uint8Array(Math.ceil(cells.length / 8));
  cells.forEach((cell, at) => {
    if (cell) bytes[at >> 3] |= 128 >> (at & 7);
  });
  return bytes;
}

send.addEventListener("click", async () => {
  if (!cells.includes(1)) return tell(page.dataset.empty, "failed");
  isFixed = true;
  stop();
  show();
  tell(page.dataset.sending);
  try {
    const answer = await fetch("region", {
      method: "POST",
      headers: { "Content-Type": "application/octet-stream" },
      body: packed(),
      credentials: "omit",
      referrerPolicy: "no-referrer",
    });
    const isText = answer.headers.get("Content-Type")?.startsWith("application/json");
    const text = isText ? (await answer.json()).said : page.dataset.failed;
    isFixed = answer.ok;
    tell(text, answer.ok ? "sent" : "failed");
  } catch {
    isFixed = false;
    tell(page.dataset.failed, "failed");
  }
  if (isFixed) {
    ring.style.display = "none";
    for (const each of [brush, erase, size]) each.disabled = true;
  }
  show();
});

new ResizeObserver(fit).observe(page);
fit();
