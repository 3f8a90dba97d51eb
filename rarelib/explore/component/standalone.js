// What stands in for the kernel in report.html: everything is in the page already.

class PageModel {
  constructor(data, pictures) {
    this.values = { data };
    this.pictures = pictures; // { crops: [data URI or ""], sheet: {...}, whole: [{...}], whole_of: [index or -1] }
    this.handlers = [];
    this.key = `rarelib-verdicts-${data.run}`;
    Object.assign(data.verdicts, this.remembered());
  }

  get(name) {
    return this.values[name];
  }

  set(name, value) {
    this.values[name] = value;
  }

  save_changes() {}

  on(what, handler) {
    if (what === "msg:custom") this.handlers.push(handler);
  }

  off(what, handler) {
    this.handlers = this.handlers.filter((one) => one !== handler);
  }

  async send({ id, kind, ...asked }) {
    const answer = await this[kind](asked);
    for (const handler of this.handlers) handler({ id, ...answer }, []);
  }

  async crops({ rows }) {
    return { urls: rows.map((row) => this.pictures.crops[row] ?? "") };
  }

  async picture({ row }) {
    const found = this.pictures.whole[this.pictures.whole_of[row]];
    return found ?? { error: this.values.data.texts.picture_left_out, boxes: [], before: null, after: null };
  }

  async similar({ row }) {
    const rows = this.pictures.similar[row];
    return rows?.length ? { rows } : { error: this.values.data.texts.none_similar };
  }

  async verdict({ object_id, rare }) {
    const said = { ...this.remembered(), [object_id]: rare };
    try {
      localStorage.setItem(this.key, JSON.stringify(said));
    } catch {
      return { told: this.values.data.texts.not_remembered };
    }
    return { told: this.values.data.texts.save_reminder };
  }

  remembered() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "{}");
    } catch {
      return {};
    }
  }
}

const place = document.getElementById("objects");
if (place) {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const shown = render({ model: new PageModel(read("object-data"), read("object-pictures")), el: place });
  const reveal = () => shown.reveal?.(decodeURIComponent(location.hash.replace(/^#object-/, "")));
  window.addEventListener("hashchange", reveal);
  if (location.hash.startsWith("#object-")) reveal();
}
