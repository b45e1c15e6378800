// Choosing the subject by clicks: a glance after each, shown as a veil over what is left out.

import { closePointing, gesture, openPointing, shownPicture } from "./service.js";

const STEP_PX = 16; // of the cross, by an arrow key; with Shift one
const VEIL = [8, 20, 18];
const VEIL_OPACITY = 0.72;

export class Pointing {
  // told(sentence): what happened, for everybody; changed(): marks came or went
  constructor(canvas, image, told, changed) {
    this.canvas = canvas;
    this.image = image;
    this.told = told;
    this.changed = changed;
    this.points = [];
    this.positive = true;
    this.latest = 0;
    canvas.addEventListener("click", (event) => this.click(event, this.positive && !event.shiftKey));
    canvas.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      this.click(event, false);
    });
    canvas.addEventListener("keydown", (event) => this.press(event));
  }

  async open(file, name) {
    this.points = [];
    this.matte = null;
    this.session = await openPointing(file);
    this.image.src = URL.createObjectURL(await shownPicture(this.session));
    this.image.alt = name;
    await this.image.decode();
    this.canvas.width = this.session.width;
    this.canvas.height = this.session.height;
    this.cross = { x: this.session.width / 2, y: this.session.height / 2 };
    this.draw();
    this.changed();
  }

  close() {
    if (this.session) closePointing(this.session);
    this.session = null;
    URL.revokeObjectURL(this.image.src);
    this.image.removeAttribute("src");
  }

  // The matte at the picture's own size, a PNG.
  async finish() {
    await gesture(this.session, "settle", this.points);
    return gesture(this.session, "apply", this.points);
  }

  click(event, positive) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.canvas.width / box.width;
    this.cross = { x: (event.clientX - box.left) * scale, y: (event.clientY - box.top) * scale };
    this.mark(positive);
  }

  press(event) {
    const step = event.shiftKey ? 1 : STEP_PX;
    const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (way) {
      this.cross.x = Math.min(Math.max(this.cross.x + way[0] * step, 0), this.canvas.width - 1);
      this.cross.y = Math.min(Math.max(this.cross.y + way[1] * step, 0), this.canvas.height - 1);
      this.draw();
    } else if (event.key === "Enter" || event.key === " ") this.mark(this.positive);
    else if (event.key.toLowerCase() === "n") this.mark(false);
    else if (event.key.toLowerCase() === "z") this.undo();
    else return;
    event.preventDefault();
  }

  mark(positive) {
    this.points.push({ x: Math.round(this.cross.x), y: Math.round(this.cross.y), positive });
    this.look();
  }

  undo() {
    this.points.pop();
    this.look();
  }

  async look() {
    const turn = ++this.latest;
    this.draw();
    this.changed();
    if (!this.points.length) {
      this.matte = null;
      this.draw();
      this.told("No marks.");
      return;
    }
    try {
      const blob = await gesture(this.session, "glance", this.points);
      if (turn !== this.latest) return; // another click came meanwhile
      this.matte = await createImageBitmap(blob);
      this.draw();
      const share = Math.round(this.coverage() * 100);
      const last = this.points[this.points.length - 1];
      this.told(`Marked as ${last.positive ? "the subject" : "not the subject"}; ${share} % of the picture is chosen.`);
    } catch (error) {
      this.told(error.message);
    }
  }

  coverage() {
    const small = new OffscreenCanvas(64, 64).getContext("2d");
    small.drawImage(this.matte, 0, 0, 64, 64);
    const { data } = small.getImageData(0, 0, 64, 64);
    let sum = 0;
    for (let at = 0; at < data.length; at += 4) sum += data[at];
    return sum / 255 / 4096;
  }

  draw() {
    const { width, height } = this.canvas;
    const brush = this.canvas.getContext("2d", { willReadFrequently: true });
    brush.clearRect(0, 0, width, height);
    if (this.matte) {
      brush.drawImage(this.matte, 0, 0, width, height);
      const pixels = brush.getImageData(0, 0, width, height);
      const { data } = pixels;
      for (let at = 0; at < data.length; at += 4) {
        data[at + 3] = (255 - data[at]) * VEIL_OPACITY;
        [data[at], data[at + 1], data[at + 2]] = VEIL;
      }
      brush.putImageData(pixels, 0, 0);
    }
    const size = Math.max(width, height) / 90;
    brush.lineWidth = size / 4;
    for (const { x, y, positive } of this.points) {
      brush.fillStyle = positive ? "#14b8a6" : "#e11d48";
      brush.strokeStyle = "#ffffff";
      brush.beginPath();
      brush.arc(x, y, size, 0, 2 * Math.PI);
      brush.fill();
      brush.stroke();
      brush.beginPath(); // + or −, so that colour is not all that tells them apart
      brush.moveTo(x - size / 2, y);
      brush.lineTo(x + size / 2, y);
      if (positive) {
        brush.moveTo(x, y - size / 2);
        brush.lineTo(x, y + size / 2);
      }
      brush.stroke();
    }
    if (document.activeElement === this.canvas) {
      const { x, y } = this.cross;
      for (const [colour, thickness] of [["#000000", size / 3], ["#ffffff", size / 8]]) {
        brush.strokeStyle = colour;
        brush.lineWidth = thickness;
        brush.beginPath();
        brush.moveTo(x - 2 * size, y);
        brush.lineTo(x + 2 * size, y);
        brush.moveTo(x, y - 2 * size);
        brush.lineTo(x, y + 2 * size);
        brush.stroke();
      }
    }
  }
}
