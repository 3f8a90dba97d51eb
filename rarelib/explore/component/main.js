// The whole component: a map, a gallery, and what belongs to them; the same in JupyterLab and in report.html.

function render({ model, el }) {
  const host = new Host(model);
  const state = new State(model, host);
  if (!state.n) {
    el.append(h("div", { class: "rarelib" }, h("p", { class: "quiet" }, state.say("no_objects"))));
    return () => host.close();
  }
  const crops = new Crops(host, 260);
  const status = h("p", { class: "status", role: "status" });
  const tell = (text) => (status.textContent = text);
  const picture = new PictureView(state, host);
  const open = (row) => picture.open(row);
  const map = new MapView(state, new Crops(host, 120), open);
  const cards = new Cards(state, crops, { open, similar: (row) => showSimilar(state, host, row, tell),
    openEvent: (row, button) => gallery.toggleEvent(row, button) });
  const gallery = new Gallery(state, cards);
  const judge = new JudgeView(state, crops, open);
  const toolbar = new Toolbar(state, host, tell);
  const root = h("div", { class: `rarelib ${state.data.can.learn ? "in-notebook" : "standalone"}` },
    makeVerdictBar(state, host, judge, tell), toolbar.node, status,
    h("div", { class: "panes" }, map.node, gallery.node), picture.node, judge.node);
  state.on("saved", (answer) => tell(answer.error ?? answer.told ?? ""));
  el.append(root);
  const everything = () => gallery.drawMore(state.shown.length);
  window.addEventListener("beforeprint", everything);
  const close = () => {
    window.removeEventListener("beforeprint", everything);
    map.close();
    toolbar.close();
    gallery.close();
    host.close();
  };
  return Object.assign(close, { reveal: (id) => gallery.reveal(id) });
}

async function showSimilar(state, host, row, tell) {
  const answer = await host.ask("similar", { row });
  if (answer.error) return tell(answer.error);
  state.showOnly([row, ...answer.rows], state.say("similar_to", { id: state.data.id[row] }), true);
}

/** Make the bar that counts verdicts, starts judging, takes back, learns and saves. */
function makeVerdictBar(state, host, judge, tell) {
  const { say, data } = state;
  const counted = h("span", { class: "counted" });
  const count = () => {
    const { elsewhere, ...counts } = state.countVerdicts();
    const texts = [say("verdict_counts", counts), elsewhere ? say("verdicts_elsewhere", { count: elsewhere }) : ""];
    counted.textContent = texts.filter(Boolean).join(" · ");
  };
  state.on("verdict", count);
  count();
  const learn = async () => {
    tell(say("learning"));
    const answer = await host.ask("learn");
    if (!answer.error) state.setLearned(answer.rank);
    tell(answer.error ?? answer.told);
  };
  const forget = () => {
    state.setLearned(null);
    tell("");
  };
  const button = (text, action, name) => h("button", { type: "button", class: name, onclick: action }, text);
  return h("div", { class: "row verdict-bar" }, counted,
    button(say("judge_next", { count: AT_ONCE }), () => judge.start(), "judge"),
    button(say("undo"), () => state.undo(), "undo"),
    data.can.learn ? [button(say("learn"), learn, "learn"), button(say("forget"), forget, "forget")] : null,
    data.can.download ? button(say("save_verdicts"), () => saveVerdicts(state), "save") : null,
    h("span", { class: "quiet keys" }, say("keys")));
}

const VERDICT_COLUMNS = ["object_id", "rare", "image_id", "x_min", "y_min", "x_max", "y_max"];

/** Offer the verdicts as verdicts.csv, each with the box that was judged. */
function saveVerdicts(state) {
  const quoted = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const lines = [VERDICT_COLUMNS, ...state.allVerdicts()].map((cells) => cells.map(quoted).join(","));
  const url = URL.createObjectURL(new Blob([[...lines, ""].join("\n")], { type: "text/csv" }));
  h("a", { href: url, download: "verdicts.csv" }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
