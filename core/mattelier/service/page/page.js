// The page: a list of pictures, one of them at work on.
//
// A picture may have a matte from pointing; its result is the cut-out with that matte, or with the one
// that the network finds, over the background that was chosen.

import { Pointing } from "./pointing.js";
import { ServiceError, ask, doJob, openPointing, closePointing, setKey, shownPicture } from "./service.js";
import { zip } from "./zip.js";

const AT_ONCE = 2; // pictures that are sent at once

const $ = (id) => document.getElementById(id);
const items = [];
let current = null;
let number = 0;
let backdrop = null;

const pointing = new Pointing($("veil"), $("shown"), say, () => {
  $("undo").disabled = $("apply").disabled = pointing.points.length === 0;
});

function say(sentence) {
  $("status").textContent = sentence;
}

function background() {
  const chosen = document.querySelector("input[name=background]:checked").value;
  if (chosen === "colour") return $("colour").value;
  return chosen === "picture" ? backdrop : chosen;
}

class Item {
  constructor(file) {
    this.file = file;
    this.number = ++number;
    this.name = file.name || `pasted ${this.number}.png`;
    this.before = URL.createObjectURL(file);
    this.state = "waits";
    this.progress = null;
    this.stage = "";
    this.makeEntry();
  }

  makeEntry() {
    this.entry = document.createElement("li");
    this.button = document.createElement("button");
    this.button.type = "button";
    this.thumbnail = document.createElement("img");
    this.thumbnail.alt = "";
    this.thumbnail.src = this.before;
    this.thumbnail.addEventListener("error", () => this.fetchPreview(), { once: true });
    this.label = document.createElement("span");
    this.label.className = "label";
    this.label.textContent = this.name;
    this.told = document.createElement("span");
    this.told.className = "state";
    this.button.append(this.thumbnail, this.label, this.told);
    this.button.addEventListener("click", () => show(this));
    this.entry.append(this.button);
  }

  // For pictures that no browser shows (TIFF, EXR, HEIC) the server's view of it.
  async fetchPreview() {
    try {
      const session = await openPointing(this.file);
      this.before = URL.createObjectURL(await shownPicture(session));
      closePointing(session);
      this.thumbnail.src = this.before;
      if (current === this) show(this);
    } catch { /* what is wrong with it the cut-out says */ }
  }

  get fileName() {
    return `${this.name.replace(/\.[^.]*$/, "")}-cutout.${this.format}`;
  }

  // Its result for the background chosen now.
  async make() {
    this.abort?.abort();
    const abort = (this.abort = new AbortController());
    const heard = (progress, stage) => {
      Object.assign(this, { progress, stage });
      this.update();
    };
    this.state = "works";
    this.problem = "";
    heard(0, "sending");
    try {
      const behind = background();
      const format = behind || $("format").value !== "jpg" ? $("format").value : "png";
      const hint = this.matte ? { hint: this.matte, hint_as: "matte" } : {};
      const fields = { picture: this.file, background: behind, format, ...hint };
      const { blob, report } = await doJob("cutout", fields, heard, abort.signal);
      if (this.after) URL.revokeObjectURL(this.after);
      Object.assign(this, { blob, format, state: "done", after: URL.createObjectURL(blob) });
      this.note = report.note || "";
      this.thumbnail.src = this.after;
    } catch (error) {
      if (abort !== this.abort) return; // asked for anew meanwhile
      this.state = this.after ? "done" : "failed";
      this.problem = error.name === "AbortError" ? "It was cancelled." : error.message;
      if (error instanceof ServiceError && error.status === 401) $("key-form").hidden = false;
    }
    this.progress = null;
    this.update();
    if (this === current) say(this.problem || this.note || `${this.name} is done.`);
  }

  update() {
    const words = { waits: "waits", works: `${Math.round(100 * (this.progress || 0))} %`, done: "done", failed: "failed" };
    this.told.textContent = this.state === "done" && this.note ? "please look" : words[this.state];
    this.told.classList.toggle("warn", this.state === "failed" || Boolean(this.state === "done" && this.note));
    if (this === current) refresh();
    const done = items.filter((one) => one.blob).length;
    $("download-all").hidden = items.length < 2;
    $("download-all").disabled = done === 0;
  }
}

async function add(files) {
  const fresh = [...files].map((file) => new Item(file));
  if (!fresh.length) return;
  for (const item of fresh) {
    items.push(item);
    $("items").append(item.entry);
    item.update();
  }
  document.querySelector("main").classList.add("filled");
  $("list").hidden = $("work").hidden = false;
  if (!current) show(fresh[0]);
  say(`${fresh.length} ${fresh.length === 1 ? "picture" : "pictures"} added.`);
  await makeAll(fresh);
}

async function makeAll(wanted) {
  const waiting = [...wanted];
  const one = async () => {
    while (waiting.length) await waiting.shift().make();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

function show(item) {
  if (!$("pointing").hidden) endPointing();
  current = item;
  for (const one of items) one.button.setAttribute("aria-current", String(one === item));
  refresh();
}

function refresh() {
  const item = current;
  $("name").textContent = item.name;
  $("before").src = item.before;
  $("before").alt = `${item.name}, before`;
  if (item.after) $("after").src = item.after;
  else $("after").removeAttribute("src");
  $("after").alt = item.after ? `${item.name}, cut out` : "";
  $("compare").style.setProperty("--share", item.after ? `${$("slider").value}%` : "100%");
  $("divider").hidden = !item.after || $("slider").value === "0";
  $("slider").disabled = !item.after;
  const sentence = item.problem || item.note || "";
  $("note").textContent = sentence;
  $("note").hidden = !sentence;
  const works = item.state === "works";
  $("busy").hidden = !works;
  $("busy-text").textContent = works ? `${item.stage || "starting"}…` : "";
  if (works) $("busy-bar").value = item.progress || 0;
  $("download").disabled = works || !item.blob;
  $("point").disabled = works;
}

function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}

async function saveAll() {
  const taken = new Set();
  const files = [];
  for (const { blob, fileName } of items.filter((one) => one.blob)) {
    let name = fileName;
    for (let copy = 2; taken.has(name.toLowerCase()); copy++) name = fileName.replace(/(\.[^.]*)$/, ` ${copy}$1`);
    taken.add(name.toLowerCase());
    files.push({ name, blob });
  }
  save(await zip(files), "cutouts.zip");
  say(`${files.length} of ${items.length} pictures are in cutouts.zip.`);
}

async function startPointing() {
  $("point").disabled = true;
  say("The picture is being prepared…");
  try {
    await pointing.open(current.file, current.name);
  } catch (error) {
    say(error.message);
    refresh();
    return;
  }
  setPointing(true);
  $("veil").focus();
  pointing.draw();
  say("Click on the subject; right-click, or Shift and click, on what is not.");
}

function setPointing(on) {
  $("pointing").hidden = $("pointing-tools").hidden = !on;
  $("compare").hidden = $("slider-row").hidden = $("tools").hidden = on;
}

function endPointing() {
  pointing.close();
  setPointing(false);
  refresh();
  $("point").focus();
}

async function applyPointing() {
  const item = current;
  $("apply").disabled = true;
  say("Looking closely…");
  try {
    item.matte = await pointing.finish();
    endPointing();
    await item.make();
  } catch (error) {
    $("apply").disabled = false;
    say(error.message);
  }
}

function changeBackground() {
  const chosen = document.querySelector("input[name=background]:checked").value;
  $("colour").hidden = chosen !== "colour";
  $("backdrop").hidden = chosen !== "picture";
  if (chosen === "picture" && !backdrop) {
    $("backdrop").click();
    return;
  }
  const jpeg = $("format").querySelector("[value=jpg]");
  jpeg.disabled = chosen === ""; // it has no transparency
  if (jpeg.disabled && $("format").value === "jpg") $("format").value = "png";
  makeAll(items);
}

function listen() {
  $("choose").addEventListener("click", () => $("files").click());
  $("more").addEventListener("click", () => $("files").click());
  $("files").addEventListener("change", () => {
    add($("files").files);
    $("files").value = "";
  });
  for (const kind of ["dragenter", "dragover"]) {
    addEventListener(kind, (event) => {
      event.preventDefault();
      document.body.classList.add("dragging");
    });
  }
  for (const kind of ["dragleave", "drop"]) addEventListener(kind, () => document.body.classList.remove("dragging"));
  addEventListener("drop", (event) => {
    event.preventDefault();
    add(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => add(event.clipboardData.files));
  $("slider").addEventListener("input", refresh);
  $("cancel").addEventListener("click", () => current.abort.abort());
  $("download").addEventListener("click", () => save(current.blob, current.fileName));
  $("download-all").addEventListener("click", saveAll);
  $("point").addEventListener("click", startPointing);
  $("leave").addEventListener("click", endPointing);
  $("apply").addEventListener("click", applyPointing);
  $("undo").addEventListener("click", () => pointing.undo());
  $("veil").addEventListener("blur", () => pointing.session && pointing.draw());
  for (const radio of document.querySelectorAll("input[name=mark]")) {
    radio.addEventListener("change", () => (pointing.positive = radio.value === "1"));
  }
  for (const radio of document.querySelectorAll("input[name=background]")) radio.addEventListener("change", changeBackground);
  $("colour").addEventListener("change", changeBackground);
  $("format").addEventListener("change", () => makeAll(items));
  $("backdrop").addEventListener("change", () => {
    backdrop = $("backdrop").files[0] || null;
    if (backdrop) changeBackground();
  });
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    setKey($("key").value);
    $("key-form").hidden = true;
    tellLimits();
    makeAll(items.filter((one) => one.state === "failed"));
  });
}

async function tellLimits() {
  try {
    const { limits } = await (await ask("/v1")).json();
    $("limits").textContent = `JPEG, PNG, WebP, TIFF, EXR … up to ${limits.upload_bytes / 1e6} MB and ${limits.pixels / 1e6} megapixels`;
  } catch (error) {
    if (error.status === 401) $("key-form").hidden = false;
    else say(error.message);
  }
}

listen();
$("format").querySelector("[value=jpg]").disabled = true;
tellLimits();
