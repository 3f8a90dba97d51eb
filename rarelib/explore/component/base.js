// Elements, texts and the way to the host; every text of a run goes in as text, never as markup.

/** Make an element: attributes by name, `on…` as listeners, children as nodes or text. */
function h(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return node;
}

/** Return a function that says a phrase with {values} put in; thousands of a number stand apart. */
function speaker(texts) {
  const shown = (value) => (Number.isInteger(value) ? value.toLocaleString("en-US") : String(value));
  return (key, values = {}) =>
    (texts[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => (name in values ? shown(values[name]) : whole));
}

/** Ask the host (a Jupyter kernel, or the page itself) and wait for its answer. */
class Host {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.next = 1;
    this.onAnswer = (content, buffers) => {
      const resolve = this.waiting.get(content?.id);
      if (!resolve) return;
      this.waiting.delete(content.id);
      resolve({ ...content, buffers: buffers ?? [] });
    };
    model.on("msg:custom", this.onAnswer);
  }

  ask(kind, values = {}) {
    const id = `${this.next++}`;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.model.send({ id, kind, ...values });
    });
  }

  close() {
    this.model.off("msg:custom", this.onAnswer);
  }
}

/** Pictures by row, asked for in bundles, kept as long as few enough. */
class Crops {
  constructor(host, side) {
    this.host = host;
    this.side = side;
    this.urls = new Map();
    this.wanted = new Map();
    this.timer = 0;
  }

  /** Call back with the picture's address, "" where there is none. */
  want(row, callback) {
    if (this.urls.has(row)) return callback(this.urls.get(row));
    if (!this.wanted.has(row)) this.wanted.set(row, []);
    this.wanted.get(row).push(callback);
    this.timer ||= setTimeout(() => this.fetch(), 15);
  }

  async fetch() {
    this.timer = 0;
    const asked = this.wanted;
    this.wanted = new Map();
    const rows = [...asked.keys()];
    for (let start = 0; start < rows.length; start += 64) {
      const part = rows.slice(start, start + 64);
      const answer = await this.host.ask("crops", { rows: part, side: this.side });
      part.forEach((row, number) => {
        const url = answer.urls ? answer.urls[number] : toUrl(answer.buffers[number]);
        this.urls.set(row, url);
        asked.get(row).forEach((callback) => callback(url));
      });
    }
    this.forget(3000);
  }

  forget(kept) {
    for (const [row, url] of this.urls) {
      if (this.urls.size <= kept) break;
      if (url.startsWith("blob:")) URL.revokeObjectURL(url);
      this.urls.delete(row);
    }
  }
}

function toUrl(buffer) {
  if (!buffer || !buffer.byteLength) return "";
  return URL.createObjectURL(new Blob([buffer], { type: "image/jpeg" }));
}

/** Make a picture of an object that fills itself when its crop has come. */
function cropImage(crops, row, name, missing) {
  const frame = h("span", { class: "crop" });
  crops.want(row, (url) => {
    if (url) frame.append(h("img", { src: url, alt: name, draggable: "false" }));
    else frame.append(h("span", { class: "missing" }, missing));
  });
  return frame;
}
