// What stands in for the kernel in report.html: everything is in the page already.

class PageModel {
  constructor(data, pictures) {
    this.values = { data };
    this.pictures = pictures; // { crops: [data URI or ""], whole: [{...}], whole_of: [index or -1], similar: [[row, ...]] }
    this.handlers = [];
    this.key = `rarelib-verdicts-${data.run}`;
    this.file = Object.fromEntries(data.verdicts.map(([owner, , word]) => [owner, word]));
    this.recall(data);
  }

  /** Put what this browser remembers in place of what the file says. */
  recall(data) {
    const said = this.remembered();
    if (Object.keys(said).length < Object.keys(this.stored()).length) this.remember(said);
    data.id.forEach((id, row) => {
      if (!(id in said)) return;
      data.verdicts = data.verdicts.filter(([owner]) => owner !== id);
      const [word] = said[id];
      if (word) data.verdicts.push([id, id, word, ...placeOf(data, row)]);
    });
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
    const kept = this.remember({ ...this.remembered(), [object_id]: [rare, this.file[object_id] ?? ""] });
    return { told: this.values.data.texts[kept ? "save_reminder" : "not_remembered"] };
  }

  /** Return what was said in this browser, id -> [word, what the file said then]; where the file says another, it wins. */
  remembered() {
    const holds = ([id, [word, before]]) => {
      const now = this.file[id] ?? "";
      return word !== now && (!now || now === before);
    };
    return Object.fromEntries(Object.entries(this.stored()).filter(holds));
  }

  /** Return all that this browser keeps, whether it holds or not. */
  stored() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "{}");
    } catch {
      return {};
    }
  }

  /** Keep what was said in this browser; tell whether it can. */
  remember(said) {
    try {
      if (Object.keys(said).length) localStorage.setItem(this.key, JSON.stringify(said));
      else localStorage.removeItem(this.key);
      return true;
    } catch {
      return false;
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
