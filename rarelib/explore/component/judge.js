// Judge the next so many, one after another, by keys.

const AT_ONCE = 50;

class JudgeView {
  constructor(state, crops, open) {
    Object.assign(this, { state, crops, open });
    this.place = h("div", { class: "judged" });
    this.progress = h("p", { class: "quiet", "aria-live": "polite" });
    const { say } = state;
    const button = (word) => h("button", { type: "button", "data-word": word, onclick: () => this.say(word) }, `${say(`verdict_${word}`)} (${word[0]})`);
    this.node = h("dialog", { class: "judge-view", "aria-label": say("judge_next", { count: AT_ONCE }) },
      h("header", {}, this.progress, h("button", { type: "button", class: "close", "aria-label": say("close"), onclick: () => this.node.close() }, "×")),
      this.place,
      h("footer", { class: "verdicts" }, Object.keys(WORDS).map(button),
        h("button", { type: "button", class: "back", onclick: () => this.goBack() }, `${say("undo")} (z)`),
        h("button", { type: "button", onclick: () => open(this.rows[this.at]) }, `${say("whole_picture")} (o)`)));
    this.node.addEventListener("keydown", (event) => this.key(event));
    state.on("verdict", () => this.showVerdict());
  }

  start() {
    this.rows = this.state.shown.filter((row) => !this.state.verdict[row]).slice(0, AT_ONCE);
    this.at = 0;
    this.before = this.state.undone.length; // what was said earlier is not taken back here
    this.node.showModal();
    this.show();
  }

  show() {
    const { state } = this;
    const row = this.rows[this.at];
    this.node.classList.toggle("finished", row === undefined);
    if (row === undefined) {
      this.progress.textContent = "";
      return this.place.replaceChildren(h("p", {}, state.say("judged_all", { count: this.rows.length })));
    }
    this.progress.textContent = state.say("judge_progress", { number: this.at + 1, count: this.rows.length });
    this.place.replaceChildren(cropImage(this.crops, row, state.name("class", row), state.say("no_picture")),
      h("h3", {}, `${state.order[row]} · ${state.name("class", row)} · ${state.data.rarity[row].toFixed(2)}`),
      h("p", {}, state.data.reason[row]), state.data.caption[row] ? h("p", { class: "caption" }, state.data.caption[row]) : "");
    this.showVerdict();
    this.rows.slice(this.at + 1, this.at + 4).forEach((next) => this.crops.want(next, () => {}));
  }

  showVerdict() {
    const said = this.state.verdict[this.rows?.[this.at]];
    for (const button of this.node.querySelectorAll("[data-word]")) {
      button.setAttribute("aria-pressed", String(button.dataset.word === said));
    }
  }

  say(word) {
    if (this.at >= this.rows.length) return;
    this.state.judge(this.rows[this.at], word, { toggle: false });
    this.at += 1;
    this.show();
  }

  /** Take the last verdict back and show its card. */
  goBack() {
    if (this.state.undone.length <= this.before) return;
    this.at = this.rows.indexOf(this.state.undo());
    this.show();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (KEYS[event.key]) this.say(KEYS[event.key]);
    else if (event.key === "z" || event.key === "Backspace") this.goBack();
    else if (event.key === "o" && this.at < this.rows.length) this.open(this.rows[this.at]);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }
}
