// The whole picture an object stands in, with its boxes, and the frames before and after of its drive.

class PictureView {
  constructor(state, host) {
    Object.assign(this, { state, host });
    this.canvas = h("canvas", { class: "whole", role: "img" });
    this.title = h("h3", {});
    this.facts = h("p", { class: "quiet" });
    this.steps = ["before", "after"].map((where) =>
      h("button", { type: "button", onclick: () => this.step(where) }, state.say(`frame_${where}`)));
    this.back = h("button", { type: "button", onclick: () => this.show({ row: this.row }) }, state.say("frame_own"));
    const close = h("button", { type: "button", class: "close", "aria-label": state.say("close"), onclick: () => this.node.close() }, "×");
    this.verdicts = h("div", { class: "verdicts", role: "group", "aria-label": state.say("verdict") },
      Object.keys(WORDS).map((word) => h("button", { type: "button", "data-word": word, onclick: () => state.judge(this.row, word) },
        state.say(`verdict_${word}`))));
    this.node = h("dialog", { class: "picture-view", "aria-label": state.say("whole_picture") },
      h("header", {}, this.title, close), this.canvas, this.facts,
      h("footer", {}, this.steps[0], this.back, this.steps[1], this.verdicts));
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.node.addEventListener("click", (event) => event.target === this.node && this.node.close());
    state.on("verdict", () => this.showVerdict());
  }

  async open(row) {
    this.row = row;
    if (!this.node.open) this.node.showModal();
    await this.show({ row });
  }

  async show(wanted) {
    this.wanted = wanted;
    const answer = await this.host.ask("picture", wanted);
    if (this.wanted !== wanted) return; // another picture was asked for meanwhile
    const { state } = this;
    this.at = answer;
    this.title.textContent = `${state.order[this.row]} · ${state.name("class", this.row)}`;
    this.facts.textContent = answer.error ? answer.error : `${answer.path} · ${state.say("boxes", { count: answer.boxes.length })}`;
    this.canvas.hidden = Boolean(answer.error);
    this.canvas.setAttribute("aria-label", this.facts.textContent);
    this.steps.forEach((button, number) => (button.disabled = (number ? answer.after : answer.before) == null));
    this.steps.forEach((button) => (button.hidden = !state.data.can.frames));
    this.back.hidden = !state.data.can.frames || answer.boxes?.some((box) => box.row === this.row);
    this.showVerdict();
    const picture = answer.error ? null : await loadPicture(answer);
    if (this.wanted !== wanted) return;
    if (picture) this.paint(answer, picture);
    this.node.dataset.ready = answer.path ?? "";
  }

  step(where) {
    if (this.at?.[where] != null) this.show({ image: this.at[where] });
  }

  paint(answer, picture) {
    this.canvas.width = picture.naturalWidth || 960;
    this.canvas.height = picture.naturalHeight || 540;
    const pen = this.canvas.getContext("2d");
    if (picture.naturalWidth) pen.drawImage(picture, 0, 0);
    const scale = this.canvas.width / Math.max(answer.width, 1);
    const others = answer.boxes.filter((box) => box.row !== this.row);
    const own = answer.boxes.filter((box) => box.row === this.row);
    for (const box of [...others, ...own]) this.paintBox(pen, box, scale, box.row === this.row);
    const taken = [];
    for (const box of [...own, ...others]) this.paintLabel(pen, box, scale, box.row === this.row, taken);
  }

  paintBox(pen, { xyxy, origin }, scale, own) {
    const [left, top, right, bottom] = xyxy.map((value) => value * scale);
    pen.lineWidth = own ? 4 : 2;
    pen.strokeStyle = own ? RARE : origin === "detected" ? "#56b4e9" : "#f0c36a";
    pen.setLineDash(origin === "detected" ? [] : [7, 5]);
    pen.strokeRect(left, top, right - left, bottom - top);
    pen.setLineDash([]);
  }

  paintLabel(pen, { xyxy, name }, scale, own, taken) {
    pen.font = `${own ? 16 : 12}px system-ui, sans-serif`;
    const width = pen.measureText(name).width + 8;
    const height = own ? 20 : 15;
    const [left, top] = placeLabel(xyxy.map((value) => value * scale), [width, height], [this.canvas.width, this.canvas.height], taken);
    pen.fillStyle = own ? RARE : "rgb(20 25 30 / 70%)";
    pen.fillRect(left, top, width, height);
    pen.fillStyle = "#fff";
    pen.fillText(name, left + 4, top + height - 4);
  }

  key(event) {
    const word = KEYS[event.key];
    if (word) this.state.judge(this.row, word);
    else if (event.key === "ArrowLeft") this.step("before");
    else if (event.key === "ArrowRight") this.step("after");
    else if (event.key === "z") this.state.undo();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  showVerdict() {
    if (this.row === undefined) return;
    for (const button of this.verdicts.children) {
      button.setAttribute("aria-pressed", String(button.dataset.word === this.state.verdict[this.row]));
    }
  }
}

/** Return the whole picture of an answer, decoded; an empty one where there is none. */
async function loadPicture({ url, buffers }) {
  const picture = new Image();
  picture.src = url ?? toUrl(buffers[0]);
  await picture.decode().catch(() => {});
  if (picture.src.startsWith("blob:")) URL.revokeObjectURL(picture.src);
  return picture;
}

/** Return where a box's label stands within its picture and free of those taken: above the box, in it, below it, further down. */
function placeLabel([left, top, , bottom], [width, height], [widest, highest], taken) {
  const x = Math.max(Math.min(left, widest - width), 0);
  const heights = [top - height, top, bottom - height, bottom];
  for (let y = top; y < highest; y += height) heights.push(y);
  const inside = heights.map((y) => Math.max(Math.min(y, highest - height), 0));
  const free = (y) => taken.every(([left, top, right, bottom]) => x >= right || x + width <= left || y >= bottom || y + height <= top);
  const y = inside.find(free) ?? inside[0];
  taken.push([x, y, x + width, y + height]);
  return [x, y];
}
