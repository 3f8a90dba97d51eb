// One object as a card: crop, why it is shown, what its signs say, what it resembles, and what to do with it.

const KEYS = { y: "yes", 1: "yes", n: "no", 2: "no", u: "unsure", 3: "unsure" };

const LEAST_PART = 0.005; // of a rarity; what is less is not seen
const PARTS_SAID = 4;

class Cards {
  constructor(state, crops, actions) {
    Object.assign(this, { state, crops, actions });
  }

  /** Make a card; its verdict buttons follow the state. */
  make(row, { member = false } = {}) {
    const { state } = this;
    const { data, say } = state;
    const name = state.name("class", row);
    const card = h("article", { class: member ? "card member" : "card", tabindex: "0", "data-row": row,
      id: member || data.can.learn ? null : `object-${data.id[row]}`,
      "aria-label": say("card_label", { rank: state.order[row], name }) },
    h("button", { type: "button", class: "picture", title: say("open_picture"), "aria-label": `${say("open_picture")}: ${name}`,
      onclick: () => this.actions.open(row) }, cropImage(this.crops, row, name, say("no_picture"))),
    h("div", { class: "text" }, this.heading(row, name), this.verdictButtons(row),
      h("p", { class: "reason" }, data.reason[row]), this.caption(row), this.chips(row), this.signs(row), this.near(row),
      this.links(row), this.details(row)));
    card.addEventListener("keydown", (event) => this.key(event, row, card));
    this.showVerdict(card, row);
    return card;
  }

  heading(row, name) {
    const { state } = this;
    const moved = state.learned?.moved[row] ?? 0;
    const arrow = moved ? h("span", { class: moved > 0 ? "rose" : "fell", title: state.say("moved_title") },
      `${moved > 0 ? "▲" : "▼"}${Math.abs(moved)}`) : null;
    return h("h3", {}, h("span", { class: "rank" }, String(state.order[row])), h("span", { class: "name" }, name), arrow,
      h("span", { class: "score", title: state.say("rarity") }, state.data.rarity[row].toFixed(2)));
  }

  caption(row) {
    const { data, say } = this.state;
    const parts = [];
    if (data.caption[row]) {
      const sure = data.certainty[row] ? h("span", { class: "quiet" }, ` (${say(`certainty_${data.certainty[row]}`)})`) : "";
      parts.push(h("p", { class: "caption" }, data.caption[row], sure));
    } else if (data.caption_error[row]) {
      parts.push(h("p", { class: "quiet" }, say("caption_failed", { error: data.caption_error[row] })));
    }
    if (data.attributes[row]) parts.push(h("p", { class: "quiet" }, data.attributes[row]));
    if (data.disagrees[row]) {
      const first = data.first_caption[row] ? ` ${say("first_answer", { caption: data.first_caption[row] })}` : "";
      const text = say("disagreement", { class_name: this.state.name("class", row), kind: data.kind[row] });
      parts.push(h("p", { class: "disagrees" }, text + first));
    }
    return parts;
  }

  chips(row) {
    const { data } = this.state;
    const chips = data.codes.lists[row].map((code) => h("li", { class: "chip" }, data.codes.shown[code]));
    const origin = data.origin.codes[row];
    if (data.origin.names[origin] !== "detected") chips.unshift(h("li", { class: "chip origin" }, data.origin.shown[origin]));
    if (data.marked[row]) chips.unshift(h("li", { class: "chip marked" }, this.state.say("marked")));
    const views = data.event_size[row];
    if (views > 1) chips.push(h("li", { class: "chip" }, this.state.say("stands_for", { count: views })));
    return chips.length ? h("ul", { class: "chips" }, chips) : null;
  }

  /** One bar, as long as the rarity by the signs, in their colours; behind it, pale, what was held down. */
  signs(row) {
    const parts = this.state.data.signs.map(({ label, raises, colour, values }) => ({ label, raises, colour, value: values[row] ?? 0 }))
      .filter(({ value }) => value >= LEAST_PART);
    const other = this.otherRarity(row);
    if (!parts.length) return other;
    parts.sort((a, b) => b.raises - a.raises || b.value - a.value);
    const said = parts.map(({ label, value }) => `${label} ${value.toFixed(2)}`);
    const swatch = (part) => {
      const node = h("span", { class: part.raises ? "swatch" : "swatch held" });
      if (part.raises) node.style.background = part.colour;
      return node;
    };
    const stack = h("span", { class: "stack", role: "img", "aria-label": `${this.state.say("signs")}: ${said.join(", ")}`,
      title: said.join("\n") }, parts.map((part) => {
      const piece = h("span", { class: part.raises ? "" : "held" });
      piece.style.width = `${100 * part.value}%`;
      if (part.raises) piece.style.background = part.colour;
      return piece;
    }));
    return h("div", { class: "signs" }, stack, h("ul", { "aria-hidden": "true" },
      parts.slice(0, PARTS_SAID).map((part) => h("li", {}, swatch(part), `${part.label} ${part.value.toFixed(2)}`))), other);
  }

  /** Say what the rarity is by the signs where verdicts or the plain recipe made it another. */
  otherRarity(row) {
    const { data, say } = this.state;
    const bySigns = data.by_signs[row];
    if (bySigns === null || Math.abs(bySigns - data.rarity[row]) < LEAST_PART) return null;
    return h("p", { class: "by-signs quiet" }, say(`by_signs_${data.rarity_by}`, { value: bySigns.toFixed(2) }));
  }

  near(row) {
    const found = this.state.data.near[row];
    if (!found?.length) return null;
    const pictures = found.map(([other, similarity]) => {
      const name = this.state.name("class", other);
      return h("figure", {}, cropImage(this.crops, other, name, ""), h("figcaption", {}, `${name} ${similarity.toFixed(2)}`));
    });
    return h("div", { class: "near" }, h("span", {}, this.state.say("nearest")), pictures);
  }

  verdictButtons(row) {
    return h("div", { class: "verdicts", role: "group", "aria-label": this.state.say("verdict") },
      Object.keys(WORDS).map((word) => h("button", { type: "button", "data-word": word, "aria-pressed": "false",
        onclick: () => this.state.judge(row, word) }, this.state.say(`verdict_${word}`))));
  }

  links(row) {
    const { say } = this.state;
    const views = this.state.otherViews(row).length;
    const event = views ? h("button", { type: "button", class: "link", "aria-expanded": "false",
      onclick: (click) => this.actions.openEvent(row, click.currentTarget) }, say("open_event", { count: views })) : null;
    return h("p", { class: "links" },
      h("button", { type: "button", class: "link", onclick: () => this.actions.similar(row) }, say("more_like_this")), event);
  }

  details(row) {
    const { data, say } = this.state;
    const id = data.id[row];
    const copy = h("button", { type: "button", class: "link", onclick: async () => {
      await navigator.clipboard?.writeText(id).catch(() => {});
      copy.textContent = say("copied");
    } }, say("copy"));
    const facts = [["object", h("code", {}, id)], ["picture", this.state.name("path", row)], ["drive", this.state.name("drive", row)],
      ["box", data.box[row].join(" ")], ["confidence", data.confidence[row].toFixed(2)]];
    return h("details", {}, h("summary", {}, say("details")),
      h("dl", {}, facts.filter(([, value]) => value).map(([key, value]) => [h("dt", {}, say(key)), h("dd", {}, value)])),
      copy, " ", data.can.learn ? null : h("a", { href: `#object-${id}`, class: "link-to" }, say("link")));
  }

  key(event, row, card) {
    if (event.target !== card || event.ctrlKey || event.metaKey || event.altKey) return;
    const word = KEYS[event.key];
    if (word) this.state.judge(row, word);
    else if (event.key === "z" || event.key === "Backspace") this.state.undo();
    else if (event.key === "Enter" || event.key === "o") this.actions.open(row);
    else if (event.key === "m") this.actions.similar(row);
    else if (event.key === "ArrowRight" || event.key === "j") card.nextElementSibling?.focus();
    else if (event.key === "ArrowLeft" || event.key === "k") card.previousElementSibling?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  showVerdict(card, row) {
    const word = this.state.verdict[row];
    card.dataset.verdict = word;
    for (const button of card.querySelectorAll(".verdicts button")) {
      button.setAttribute("aria-pressed", String(button.dataset.word === word));
    }
  }
}
