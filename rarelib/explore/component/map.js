// The map: one point an object, near points look alike; hover shows the crop, a lasso fills the gallery.

const TOOLS = ["lasso", "box", "pan"];
const CELL = 24; // px of the grid that finds the point under the mouse

class MapView {
  constructor(state, crops, open) {
    Object.assign(this, { state, crops, open, zoom: 1, shift: [0, 0], tool: "lasso", path: null, hovered: -1 });
    this.canvas = h("canvas", { class: "map-canvas", tabindex: "0", role: "img" });
    this.tip = h("div", { class: "tip", hidden: true });
    this.ink = new MapInk(state, this.canvas);
    this.node = h("div", { class: "map" }, this.toolbar(), h("div", { class: "map-frame" }, this.canvas, this.tip),
      this.ink.legend, h("p", { class: "quiet" }, state.say("map_note", { shown: this.countMapped(), total: state.n })));
    this.canvas.setAttribute("aria-label", state.say("map_label", { count: this.countMapped() }));
    this.listen();
    state.on("shown", () => this.redraw());
    state.on("verdict", () => state.colour === "verdict" && this.recolour());
    state.on("colour", () => this.recolour());
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.canvas);
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.onDark = () => this.recolour();
    this.dark.addEventListener("change", this.onDark);
  }

  recolour() {
    this.ink.recolour();
    this.draw();
  }

  /** Draw with other points than before: moved, or others chosen. */
  redraw() {
    this.ink.stale = true;
    this.draw();
  }

  countMapped() {
    return this.state.data.x.reduce((count, x) => count + (x === null ? 0 : 1), 0);
  }

  toolbar() {
    const { state } = this;
    const choices = ["class", "origin", "rarity", "drive", "verdict"].map((name) =>
      h("option", { value: name }, state.say(`colour_${name}`)));
    const colour = h("select", { onchange: (event) => state.setColour(event.target.value) }, choices);
    this.tools = TOOLS.map((tool) =>
      h("button", { type: "button", "aria-pressed": String(tool === this.tool), onclick: () => this.setTool(tool) },
        state.say(`tool_${tool}`)));
    const reset = h("button", { type: "button", onclick: () => this.reset() }, state.say("tool_reset"));
    return h("div", { class: "row" }, h("label", {}, state.say("colour_by"), " ", colour),
      h("span", { class: "group", role: "group", "aria-label": state.say("tools") }, this.tools, reset));
  }

  setTool(tool) {
    this.tool = tool;
    this.tools.forEach((button, number) => button.setAttribute("aria-pressed", String(TOOLS[number] === tool)));
    this.canvas.classList.toggle("pans", tool === "pan");
  }

  reset() {
    Object.assign(this, { zoom: 1, shift: [0, 0] });
    this.state.showOnly(null);
    this.place();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.release(event));
    canvas.addEventListener("pointercancel", () => this.breakOff());
    canvas.addEventListener("pointerleave", () => this.hover(-1));
    canvas.addEventListener("dblclick", () => this.reset());
    canvas.addEventListener("wheel", (event) => this.turn(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
  }

  press(event) {
    if (event.button) return;
    const panning = this.tool === "pan" || event.shiftKey;
    this.drag = { panning, start: [event.offsetX, event.offsetY], shift: [...this.shift] };
    this.path = panning ? null : [[event.offsetX, event.offsetY]];
    this.canvas.setPointerCapture(event.pointerId);
  }

  move(event) {
    if (!this.drag) return this.hover(this.nearest(event.offsetX, event.offsetY));
    if (this.drag.panning) {
      this.shift = [0, 1].map((axis) =>
        this.drag.shift[axis] + [event.offsetX, event.offsetY][axis] - this.drag.start[axis]);
      this.place();
    } else {
      const { left, top } = this.canvas.getBoundingClientRect();
      if (this.tool === "box") this.path = corners(this.drag.start, [event.clientX - left, event.clientY - top]);
      else {
        const passed = event.getCoalescedEvents?.() ?? []; // what the browser joined into one event for this frame
        for (const point of passed.length ? passed : [event]) this.path.push([point.clientX - left, point.clientY - top]);
      }
      this.draw();
    }
  }

  release(event) {
    const { drag, path } = this;
    Object.assign(this, { drag: null, path: null });
    if (!drag) return;
    const far = Math.hypot(event.offsetX - drag.start[0], event.offsetY - drag.start[1]) > 4 || (path?.length ?? 0) > 12;
    if (!far) {
      const row = this.nearest(event.offsetX, event.offsetY);
      if (row >= 0) this.open(row);
      return this.draw();
    }
    if (drag.panning) return;
    const inside = this.rows.filter((row) => isInside(this.left[row], this.top[row], path));
    this.state.showOnly(inside.length ? inside : null, this.state.say("in_lasso", { count: inside.length }));
    this.draw();
  }

  /** Let go of a lasso that the browser took the pointer away from, as where a finger scrolls the page. */
  breakOff() {
    Object.assign(this, { drag: null, path: null });
    this.draw();
  }

  turn(event) {
    event.preventDefault();
    this.scale(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  }

  scale(factor, x, y) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), 60);
    const ratio = zoom / this.zoom;
    this.shift = [x - (x - this.shift[0]) * ratio, y - (y - this.shift[1]) * ratio];
    this.zoom = zoom;
    if (zoom === 1) this.shift = [0, 0];
    this.place();
  }

  key(event) {
    const step = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] }[event.key];
    if (step) this.shift = [this.shift[0] + step[0], this.shift[1] + step[1]];
    else if (event.key === "+" || event.key === "=") return this.scale(1.3, this.width / 2, this.height / 2);
    else if (event.key === "-") return this.scale(1 / 1.3, this.width / 2, this.height / 2);
    else if (event.key === "Escape") return this.reset();
    else return;
    event.preventDefault();
    this.place();
  }

  resize() {
    const { clientWidth, clientHeight } = this.canvas;
    if (!clientWidth || (clientWidth === this.width && clientHeight === this.height)) return;
    Object.assign(this, { width: clientWidth, height: clientHeight });
    const dense = window.devicePixelRatio || 1;
    this.canvas.width = Math.round(clientWidth * dense);
    this.canvas.height = Math.round(clientHeight * dense);
    this.ink.recolour();
    this.place();
  }

  /** Work out where each point stands on the canvas, and the grid that finds them. */
  place() {
    const { x, y } = this.state.data;
    if (!this.width) return;
    this.rows ??= x.flatMap((value, row) => (value === null ? [] : [row]));
    const spans = [x, y].map((values) => {
      const known = this.rows.map((row) => values[row]);
      const low = known.reduce((a, b) => Math.min(a, b), Infinity);
      return [low, Math.max(known.reduce((a, b) => Math.max(a, b), -Infinity) - low, 1e-9)];
    });
    const pad = 14;
    this.left = new Float32Array(this.state.n);
    this.top = new Float32Array(this.state.n);
    this.grid = new Map();
    for (const row of this.rows) {
      const across = pad + ((x[row] - spans[0][0]) / spans[0][1]) * (this.width - 2 * pad);
      const down = pad + (1 - (y[row] - spans[1][0]) / spans[1][1]) * (this.height - 2 * pad);
      this.left[row] = across * this.zoom + this.shift[0];
      this.top[row] = down * this.zoom + this.shift[1];
      const cell = `${Math.floor(this.left[row] / CELL)},${Math.floor(this.top[row] / CELL)}`;
      if (!this.grid.has(cell)) this.grid.set(cell, []);
      this.grid.get(cell).push(row);
    }
    this.redraw();
  }

  nearest(x, y) {
    if (!this.grid) return -1;
    let best = -1;
    let reach = 12;
    for (let across = -1; across <= 1; across += 1) {
      for (let down = -1; down <= 1; down += 1) {
        for (const row of this.grid.get(`${Math.floor(x / CELL) + across},${Math.floor(y / CELL) + down}`) ?? []) {
          const distance = Math.hypot(this.left[row] - x, this.top[row] - y);
          if (distance < reach) [best, reach] = [row, distance];
        }
      }
    }
    return best;
  }

  hover(row) {
    if (row === this.hovered) return;
    this.hovered = row;
    this.tip.hidden = row < 0;
    if (row >= 0) this.fillTip(row);
    this.draw();
  }

  fillTip(row) {
    const { state, tip } = this;
    const about = `${state.order[row]} · ${state.name("class", row)} · ${state.data.rarity[row].toFixed(2)}`;
    tip.replaceChildren(cropImage(this.crops, row, state.name("class", row), state.say("no_picture")), h("p", {}, about));
    const right = this.left[row] > this.width / 2;
    tip.style.left = right ? "" : `${this.left[row] + 14}px`;
    tip.style.right = right ? `${this.width - this.left[row] + 14}px` : "";
    tip.style.top = `${Math.min(Math.max(this.top[row] - 60, 0), Math.max(this.height - 170, 0))}px`;
  }

  draw() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.left && this.ink.paint(this));
  }

  close() {
    this.observer.disconnect();
    this.dark.removeEventListener("change", this.onDark);
    cancelAnimationFrame(this.frame);
  }
}

/** Return the corners of the box between two opposite ones. */
function corners([left, top], [right, bottom]) {
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}

/** Tell whether a place lies inside a closed path (even-odd rule). */
function isInside(x, y, path) {
  let inside = false;
  for (let i = 0, j = path.length - 1; i < path.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [path[i], path[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) inside = !inside;
  }
  return inside;
}
