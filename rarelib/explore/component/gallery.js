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
    const focused = this.node.contains(document.activeElement) ? document.activeElement : null;
    this.drawn = 0;
    this.grid.replaceChildren();
    const { state } = this;
    this.count.textContent = state.say("shown_of", { shown: state.shown.length, total: state.n });
    this.only.replaceChildren();
    if (state.only) {
      this.only.append(state.only.name, " ", h("button", { type: "button", onclick: () => state.showOnly(null) }, state.say("show_all")));
    }
    this.drawMore();
    this.node.scrollTop = 0;
    if (this.node.getBoundingClientRect().top < 0) this.node.scrollIntoView({ block: "start" }); // others stand there now
    if (focused) this.focusCard(focused.closest(".card")?.dataset.row);
  }

  /** Go to the card of a row, to the first where it is not there. */
  focusCard(row) {
    const card = this.grid.querySelector(`.card[data-row="${row}"]`) ?? this.grid.querySelector(".card");
    card?.focus({ preventScroll: true });
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

  /** Show the card that an address names, alone if the filters leave it out; tell whether there is one. */
  reveal(id) {
    const row = this.state.rowOf.get(id);
    if (row === undefined) return false;
    if (!this.state.shown.includes(row)) this.state.showOnly([row], id, true, true);
    while (this.drawn <= this.state.shown.indexOf(row)) this.drawMore();
    const card = this.grid.querySelector(`.card:not(.member)[data-row="${row}"]`);
    for (const other of this.grid.querySelectorAll(".named")) other.classList.remove("named");
    card?.classList.add("named");
    card?.scrollIntoView({ block: "center" });
    card?.focus({ preventScroll: true });
    return Boolean(card);
  }

  close() {
    this.observer.disconnect();
  }
}
