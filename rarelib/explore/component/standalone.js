// What stands in for the kernel in report.html: everything is in the page already.

class PageModel {
  constructor(data, pictures) {
    this.values = { data };
    this.pictures = pictures; // { crops: [data URI or ""], sheet: {...}, whole: [{...}], whole_of: [index or -1] }
    this.handlers = [];
    this.key = `rarelib-judged-${data.run}`;
    this.recall(data);
  }

  /** Put what this browser remembers in place of what the file says; a verdict is on an object here by its very box. */
  recall(data) {
    const owners = new Map(data.verdicts.map(([owner, ...cells]) => [boxKey(cells), owner]));
    data.id.forEach((id, row) => owners.set(boxKey([id, "", ...placeOf(data, row)]), id));
    for (const cells of this.remembered()) {
      const key = boxKey(cells);
      const owner = owners.get(key) ?? "";
      data.verdicts = data.verdicts.filter(([other, ...said]) => (owner ? other !== owner : boxKey(said) !== key));
      if (cells[1]) data.verdicts.push([owner, ...cells]);
    }
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
    const { data } = this.values;
    const cells = [object_id, rare, ...placeOf(data, data.id.indexOf(object_id))];
    const others = this.remembered().filter((said) => boxKey(said) !== boxKey(cells));
    try {
      localStorage.setItem(this.key, JSON.stringify([...others, cells]));
    } catch {
      return { told: data.texts.not_remembered };
    }
    return { told: data.texts.save_reminder };
  }

  /** Return what was judged in this browser as rows of a file of verdicts, the word "" where one was taken back. */
  remembered() {
    try {
      return JSON.parse(localStorage.getItem(this.key) ?? "[]");
    } catch {
      return [];
    }
  }
}

/** Return what tells the object and the box of a verdict from others. */
function boxKey([id, , ...place]) {
  return JSON.stringify([id, ...place]);
}

const place = document.getElementById("objects");
if (place) {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const shown = render({ model: new PageModel(read("object-data"), read("object-pictures")), el: place });
  const reveal = () => shown.reveal?.(decodeURIComponent(location.hash.replace(/^#object-/, "")));
  window.addEventListener("hashchange", reveal);
  if (location.hash.startsWith("#object-")) reveal();
}
