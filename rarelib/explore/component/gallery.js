// All objects as cards, as many as are looked at; what chooses and sorts them stands above.

const PAGE = 36;

class Gallery {
  constructor(state, cards) {
    Object.assign(this, { state, cards, drawn: 0 });
    this.grid = h("div", { class: "cards" });
    this.count = h("output", { class: "count" });
    this.only = h("span", { class: "only" });
    this.more = h("button", { type: "button", class: "more", onclick: () => this.drawMore() }, state.say("show_more"));
    this.node = h("div", { class: "gallery" }, h("p", { class: "row" }, this.count, this.only), this.grid, this.more);
    this.observer = new IntersectionObserver((seen) => seen.some((one) => one.isIntersecting) && this.drawMore(),
      { rootMargin: "600px" });
    this.observer.observe(this.more);
    state.on("shown", () => this.redraw());
    state.on("verdict", (row) => this.showVerdict(row));
    this.redraw();
  }

  redraw() {
    this.drawn = 0;
    this.grid.replaceChildren();
    const { state } = this;
    this.count.textContent = state.say("shown_of", { shown: state.shown.length, total: state.n });
    this.only.replaceChildren();
    if (state.only) {
      this.only.append(state.only.name, " ", h("button", { type: "button", onclick: () => state.showOnly(null) }, state.say("show_all")));
    }
    this.drawMore();
  }

  drawMore(count = PAGE) {
    const rows = this.state.shown.slice(this.drawn, this.drawn + count);
    this.grid.append(...rows.map((row) => this.cards.make(row)));
    this.drawn += rows.length;
    this.more.hidden = this.drawn >= this.state.shown.length;
    if (!this.state.shown.length) this.grid.replaceChildren(h("p", { class: "quiet" }, this.state.say("none_shown")));
  }

  showVerdict(row) {
    for (const card of this.grid.querySelectorAll(`[data-row="${row}"]`)) this.cards.showVerdict(card, row);
  }

  /** Put the other views of an event behind its card, or take them away again. */
  toggleEvent(row, button) {
    const open = button.getAttribute("aria-expanded") === "true";
    button.setAttribute("aria-expanded", String(!open));
    const card = button.closest(".card");
    if (open) {
      for (const member of this.grid.querySelectorAll(`.member[data-of="${row}"]`)) member.remove();
      return;
    }
    const members = this.state.otherViews(row).map((other) => this.cards.make(other, { member: true }));
    members.forEach((member) => (member.dataset.of = row));
    card.after(...members);
  }

  close() {
    this.observer.disconnect();
  }
}

/** Make the bar of filters, sorting and words. */
function makeToolbar(state, host, tell) {
  const { data, say } = state;
  const select = (label, name, options) => h("label", {}, say(label),
    h("select", { name, onchange: (event) => (name === "sort" ? state.setSort(event.target.value) : state.setFilter(name, event.target.value)) }, options));
  const counted = (column) => {
    const counts = column.names.map(() => 0);
    (column.codes ?? column.lists.flat()).forEach((code) => (counts[code] += 1));
    const order = counts.map((_, code) => code).filter((code) => counts[code]).sort((a, b) => counts[b] - counts[a]);
    return [h("option", { value: "" }, say("any")),
      ...order.map((code) => h("option", { value: code }, `${column.shown?.[code] ?? (column.names[code] || "–")} (${counts[code]})`))];
  };
  const worth = (column) => counted(column).length > 2;
  const sorts = ["rank", "rarity", "class", "confidence", "size", "drive", "common", ...(data.can.learn ? ["moved"] : [])];
  const verdicts = ["", "none", "yes", "no", "unsure"].map((word) => h("option", { value: word }, say(word ? `verdict_${word}` : "any")));
  const check = (name, label) => h("label", { class: "check" }, h("input", { type: "checkbox", name, ...(state.filters[name] ? { checked: true } : {}),
    onchange: (event) => state.setFilter(name, event.target.checked) }), " ", say(label));
  const fields = [
    select("sort_by", "sort", sorts.map((name) => h("option", { value: name }, say(`sort_${name}`)))),
    worth(data.class) ? select("filter_class", "class", counted(data.class)) : null,
    worth(data.codes) ? select("filter_code", "code", counted(data.codes)) : null,
    worth(data.origin) ? select("filter_origin", "origin", counted(data.origin)) : null,
    worth(data.drive) ? select("filter_drive", "drive", counted(data.drive)) : null,
    select("filter_verdict", "verdict", verdicts),
    h("label", {}, say("filter_words"), h("input", { type: "search", name: "words", autocomplete: "off",
      oninput: (event) => state.setFilter("words", event.target.value.trim()) })),
  ];
  const ticks = [data.selected.some((one) => !one) ? check("selected", "filter_selected") : null, check("events", "filter_events"),
    data.disagrees.some(Boolean) ? check("disagrees", "filter_disagrees") : null];
  return h("form", { class: "filters", onsubmit: (event) => event.preventDefault() }, fields, ticks, makeRanges(state),
    data.can.words ? makeWordSearch(state, host, tell) : null);
}

function makeRanges(state) {
  const most = state.data.size.reduce((a, b) => Math.max(a, b), 1);
  const range = (name, top, step) => {
    const shown = h("output", {}, "0");
    return h("label", {}, state.say(`least_${name}`), h("input", { type: "range", name, min: "0", max: top, step, value: "0",
      oninput: (event) => {
        shown.textContent = event.target.value;
        state.setFilter(name, Number(event.target.value));
      } }), shown);
  };
  return h("details", { class: "ranges" }, h("summary", {}, state.say("more_filters")),
    range("rarity", 1, 0.01), range("confidence", 1, 0.01), range("size", Math.ceil(most), 1));
}

function makeWordSearch(state, host, tell) {
  const box = h("input", { type: "search", name: "search", placeholder: state.say("search_example"), autocomplete: "off" });
  const search = async () => {
    const text = box.value.trim();
    if (!text) return state.showOnly(null);
    tell(state.say("searching"));
    const answer = await host.ask("words", { text });
    tell(answer.error ?? "");
    if (!answer.error) state.showOnly(answer.rows, state.say("found_words", { text }), true);
  };
  box.addEventListener("keydown", (event) => event.key === "Enter" && search());
  return h("label", { class: "search" }, state.say("search_words"),
    h("span", {}, box, h("button", { type: "button", onclick: search }, state.say("search"))));
}
