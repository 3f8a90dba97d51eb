// What chooses and sorts the gallery: what is asked for most in one line, the rest folded.

const NARROW = 620; // px; below, all of it is folded, so that the pictures come first

class Toolbar {
  constructor(state, host, tell) {
    Object.assign(this, { state, host, tell });
    const { say } = state;
    this.node = h("details", { class: "tools", open: true }, h("summary", {}, say("sort_and_filter")),
      h("form", { class: "filters", onsubmit: (event) => event.preventDefault() }, this.first(), this.rest()));
    this.observer = new ResizeObserver(([seen]) => this.fold(seen.contentRect.width < NARROW));
    this.observer.observe(this.node);
  }

  fold(narrow) {
    if (narrow === this.narrow) return;
    this.narrow = narrow;
    this.node.open = !narrow;
    this.node.classList.toggle("narrow", narrow);
  }

  first() {
    const { data, say, filters } = this.state;
    const sorts = ["rank", "rarity", "class", "confidence", "size", "drive", "common", ...(data.can.learn ? ["moved"] : [])];
    const words = ["", "none", "yes", "no", "unsure"].map((word) => h("option", { value: word }, say(word ? `verdict_${word}` : "any")));
    const sort = this.select("sort_by", "sort", sorts.map((name) => h("option", { value: name }, say(`sort_${name}`))));
    this.state.on("learned", () => (sort.querySelector("select").value = this.state.sort));
    return [data.can.words ? this.wordSearch() : null, sort,
      this.column("class"), this.column("code"), this.select("filter_verdict", "verdict", words),
      h("label", {}, say("filter_words"), h("input", { type: "search", name: "words", autocomplete: "off",
        oninput: (event) => this.state.setFilter("words", event.target.value.trim()) })),
      data.selected.some((one) => !one) ? this.tick("selected", "filter_selected", filters.selected) : null,
      data.marked.some(Boolean) ? this.tick("marked", "filter_marked", filters.marked) : null,
      this.tick("events", "filter_events", filters.events)];
  }

  rest() {
    const { data, say } = this.state;
    const most = data.size.reduce((a, b) => Math.max(a, b), 1);
    return h("details", { class: "more-filters" }, h("summary", {}, say("more_filters")),
      h("div", { class: "row" }, this.column("origin"), this.column("drive"),
        data.disagrees.some(Boolean) ? this.tick("disagrees", "filter_disagrees", false) : null,
        this.range("rarity", 1, 0.01), this.range("confidence", 1, 0.01), this.range("size", Math.ceil(most), 1)));
  }

  select(label, name, options) {
    const { state } = this;
    const change = (event) => (name === "sort" ? state.setSort(event.target.value) : state.setFilter(name, event.target.value));
    return h("label", {}, state.say(label), h("select", { name, onchange: change }, options));
  }

  /** Make the choice among a column's names, the most frequent first; none where there is nothing to choose. */
  column(name) {
    const { state } = this;
    const column = name === "code" ? state.data.codes : state.data[name];
    const totals = column.names.map(() => 0);
    (column.codes ?? column.lists.flat()).forEach((code) => (totals[code] += 1));
    const order = totals.map((_, code) => code).filter((code) => totals[code]).sort((a, b) => totals[b] - totals[a]);
    if (order.length < 2) return null;
    const options = order.map((code) => h("option", { value: code }));
    const count = () => {
      const counts = state.counts(name);
      order.forEach((code, place) => {
        options[place].textContent = `${column.shown?.[code] ?? (column.names[code] || "–")} (${counts[code]})`;
      });
    };
    state.on("shown", count);
    state.on("verdict", () => state.filters.verdict && count());
    count();
    return this.select(`filter_${name}`, name, [h("option", { value: "" }, state.say("any")), ...options]);
  }

  tick(name, label, checked) {
    return h("label", { class: "check" }, h("input", { type: "checkbox", name, checked,
      onchange: (event) => this.state.setFilter(name, event.target.checked) }), " ", this.state.say(label));
  }

  range(name, top, step) {
    const shown = h("output", {}, "0");
    return h("label", {}, this.state.say(`least_${name}`), h("span", { class: "range" },
      h("input", { type: "range", name, min: "0", max: top, step, value: "0", oninput: (event) => {
        shown.textContent = event.target.value;
        this.state.setFilter(name, Number(event.target.value));
      } }), shown));
  }

  wordSearch() {
    const { state, host, tell } = this;
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

  close() {
    this.observer.disconnect();
  }
}
