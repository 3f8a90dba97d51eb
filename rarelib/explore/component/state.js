// What is known of the objects, which of them are shown, and what was said about them.

const WORDS = { yes: 1, no: 1, unsure: 1 };

/** Return the picture and the box of an object, as a file of verdicts tells them. */
function placeOf(data, row) {
  return [data.image.names[data.image.codes[row]], ...data.box[row].map(String)];
}

class State {
  constructor(model, host) {
    this.model = model;
    this.host = host;
    const data = model.get("data");
    this.data = typeof data === "string" ? JSON.parse(data) : data; // a kernel sends it as text
    this.n = this.data.id.length;
    this.say = speaker(this.data.texts);
    this.rowOf = new Map(this.data.id.map((id, row) => [id, row]));
    const said = new Map(this.data.verdicts.map(([owner, , word]) => [owner, word]));
    this.verdict = this.data.id.map((id) => said.get(id) ?? "");
    this.members = this.eventMembers();
    this.undone = [];
    this.only = null; // { rows: Set, name, order, found, whatever }: what a lasso, a likeness or words left
    this.filters = { class: "", code: "", origin: "", drive: "", verdict: "", selected: !this.data.can.learn, marked: false, disagrees: false,
      events: true, words: "", rarity: 0, confidence: 0, size: 0 };
    this.sort = "rank";
    this.colour = "class";
    this.order = Array.from(this.data.rank);
    this.learned = null;
    this.listeners = new Map();
    this.update();
  }

  /** Call back when something changed: "shown", "verdict", "saved", "learned", "colour". */
  on(what, callback) {
    if (!this.listeners.has(what)) this.listeners.set(what, []);
    this.listeners.get(what).push(callback);
  }

  tell(what, ...values) {
    for (const callback of this.listeners.get(what) ?? []) callback(...values);
  }

  name(column, row) {
    return this.data[column].names[this.data[column].codes[row]];
  }

  eventMembers() {
    const members = new Map();
    this.data.event.forEach((first, row) => {
      if (!members.has(first)) members.set(first, []);
      members.get(first).push(row);
    });
    for (const rows of members.values()) rows.sort((a, b) => this.data.rank[a] - this.data.rank[b]);
    return members;
  }

  /** Return the other views of the event that a row stands for. */
  otherViews(row) {
    return (this.members.get(this.data.event[row]) ?? []).filter((other) => other !== row);
  }

  /** Tell whether a row fits all filters, or all but the one named. */
  fits(row, but = "") {
    const wanted = this.filters;
    const data = this.data;
    for (const column of ["class", "origin", "drive"]) {
      if (column !== but && wanted[column] !== "" && data[column].codes[row] !== Number(wanted[column])) return false;
    }
    if (but !== "code" && wanted.code !== "" && !data.codes.lists[row].includes(Number(wanted.code))) return false;
    if (wanted.marked && !data.marked[row]) return false;
    const all = wanted.marked || this.only?.found; // what was judged common is still marked; a search is over all objects
    if (wanted.selected && !data.selected[row] && !all) return false;
    if (wanted.disagrees && !data.disagrees[row]) return false;
    if (wanted.verdict === "none" ? this.verdict[row] : wanted.verdict && this.verdict[row] !== wanted.verdict) {
      return false;
    }
    if (data.rarity[row] < wanted.rarity || data.confidence[row] < wanted.confidence) return false;
    if (data.size[row] < wanted.size) return false;
    return !wanted.words || this.hasWords(row, wanted.words);
  }

  hasWords(row, words) {
    const text = [this.name("class", row), this.data.reason[row], this.data.caption[row], this.data.attributes[row],
      this.data.kind[row], this.data.id[row], this.data.path.names[this.data.path.codes[row]]].join(" ").toLowerCase();
    return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
  }

  /** Return the rows that fit all filters, or all but the one named, in the order in which they were found. */
  fitting(but = "") {
    const rows = [...(this.only?.rows ?? this.data.id.keys())];
    return this.only?.whatever ? rows : rows.filter((row) => this.fits(row, but));
  }

  /** Return the first row of each event among some, or all of them where no event is shown once. */
  firstViews(rows) {
    if (!this.filters.events || this.filters.marked || this.only) return rows;
    const seen = new Set();
    return rows.filter((row) => !seen.has(this.data.event[row]) && seen.add(this.data.event[row]));
  }

  /** Find anew which rows are shown, and in what order. */
  update() {
    this.fit = this.fitting();
    this.shown = this.firstViews(this.only?.order ? this.fit : [...this.fit].sort(this.comparer()));
    this.tell("shown");
  }

  /** Return for each value of a column how many cards choosing it would show. */
  counts(name) {
    const { codes, lists, names } = name === "code" ? this.data.codes : this.data[name];
    const rows = names.map(() => []);
    for (const row of this.filters[name] === "" ? this.fit : this.fitting(name)) {
      for (const code of lists ? lists[row] : [codes[row]]) rows[code].push(row);
    }
    return rows.map((some) => this.firstViews(some).length);
  }

  comparer() {
    const { data, order } = this;
    const by = (values, sign) => (a, b) => sign * (values[a] - values[b]) || order[a] - order[b];
    const named = (column) => (a, b) => this.name(column, a).localeCompare(this.name(column, b)) || order[a] - order[b];
    return {
      rank: (a, b) => order[a] - order[b],
      common: (a, b) => order[b] - order[a],
      rarity: by(data.rarity, -1),
      confidence: by(data.confidence, 1),
      size: by(data.size, -1),
      class: named("class"),
      drive: named("drive"),
      moved: by(this.learned?.moved ?? data.rank.map(() => 0), -1),
    }[this.sort];
  }

  setFilter(name, value) {
    this.filters[name] = value;
    this.update();
  }

  setSort(sort) {
    this.sort = sort;
    if (this.only?.order) this.only = { ...this.only, order: null };
    this.update();
  }

  /** Show only these rows: a set in the present order, or a list in its own; and if asked, whatever the filters say. */
  showOnly(rows, name, ordered = false, whatever = false) {
    this.only = rows ? { rows: new Set(rows), name, order: ordered ? [...rows] : null, found: ordered, whatever } : null;
    this.model.set("chosen", rows ? [...rows] : []);
    this.model.save_changes();
    this.update();
  }

  setColour(colour) {
    this.colour = colour;
    this.tell("colour");
  }

  /** Say of an object that it is rare, not rare or unsure; saying the same again takes it back. */
  async judge(row, word, { remember = true, toggle = true } = {}) {
    const before = this.verdict[row];
    const after = toggle && before === word ? "" : word;
    if (before === after) return;
    if (remember) this.undone.push([row, before]);
    this.verdict[row] = after;
    this.tell("verdict", row);
    const answer = await this.host.ask("verdict", { object_id: this.data.id[row], rare: after });
    this.tell("saved", answer);
  }

  undo() {
    const last = this.undone.pop();
    if (!last) return null;
    this.judge(last[0], last[1], { remember: false, toggle: false });
    return last[0];
  }

  /** Return all verdicts as rows of the file: of the objects here in their order, then of those not on this page. */
  allVerdicts() {
    const here = [...this.data.id.keys()].filter((row) => this.verdict[row] in WORDS);
    const said = here.map((row) => [this.data.id[row], this.verdict[row], ...placeOf(this.data, row)]);
    return [...said, ...this.notHere().map(([, ...cells]) => cells)];
  }

  /** Return the verdicts that are on no object of this page: [owner, ...cells], no owner where the run ranks none. */
  notHere() {
    return this.data.verdicts.filter(([owner]) => !this.rowOf.has(owner));
  }

  /** Count the verdicts on ranked objects of the run by word, and those on others. */
  countVerdicts() {
    const counts = { yes: 0, no: 0, unsure: 0, elsewhere: 0 };
    for (const word of this.verdict) if (word in WORDS) counts[word] += 1;
    for (const [owner, , word] of this.notHere()) counts[owner ? word : "elsewhere"] += 1;
    return counts;
  }

  /** Take over ranks that learned from the verdicts; null takes the run's own again. */
  setLearned(ranks) {
    this.order = ranks ? ranks : Array.from(this.data.rank);
    this.learned = ranks ? { moved: ranks.map((rank, row) => this.data.rank[row] - rank) } : null;
    this.sort = "rank";
    this.showOnly(null);
    this.tell("learned");
  }
}
