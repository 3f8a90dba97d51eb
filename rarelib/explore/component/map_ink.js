// What the map is drawn with: colours and their legend, points, rings, the lasso.

const COLOURS = ["#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#b08900", "#6a51a3", "#8c510a", "#4f7d8c"];
const IN_THE_DARK = ["#4fa3dd", "#35c496", "#e3a1c5", "#9bd4f5", "#d9b23c", "#ad9be6", "#cf9150", "#8fbccb"]; // the same, lighter
const OTHER = "#9aa5b1";
const RARE = "#d55e00";
const VERDICT_COLOURS = { yes: RARE, no: "#0072b2", unsure: "#b08900", "": OTHER };

class MapInk {
  constructor(state, canvas) {
    Object.assign(this, { state, canvas, stale: true, shown: new Set() });
    this.legend = h("ul", { class: "legend" });
    this.layer = document.createElement("canvas"); // the points, kept: hovering draws only what is above them
  }

  /** Work out each point's colour and the legend. */
  recolour() {
    const { state } = this;
    const by = state.colour;
    this.stale = true;
    if (by === "rarity") {
      this.colourOf = (row) => mix(state.data.rarity[row]);
      this.fillLegend([0, 0.25, 0.5, 0.75, 1].map((share) => [share.toFixed(2), mix(share)]));
    } else if (by === "verdict") {
      this.colourOf = (row) => VERDICT_COLOURS[state.verdict[row]];
      this.fillLegend(Object.entries(VERDICT_COLOURS).map(([word, colour]) => [state.say(`verdict_${word || "none"}`), colour]));
    } else this.colourByName(state.data[by]);
  }

  colourByName(column) {
    const counts = column.names.map(() => 0);
    column.codes.forEach((code) => (counts[code] += 1));
    const palette = this.isDark() ? IN_THE_DARK : COLOURS;
    const first = counts.map((_, code) => code).sort((a, b) => counts[b] - counts[a]).slice(0, palette.length);
    const colours = column.names.map(() => OTHER);
    first.forEach((code, number) => (colours[code] = palette[number]));
    this.colourOf = (row) => colours[column.codes[row]];
    const others = counts.reduce((sum, count, code) => sum + (first.includes(code) ? 0 : count), 0);
    const shown = first.map((code) => [`${column.shown?.[code] ?? (column.names[code] || "–")} ${counts[code]}`, colours[code]]);
    this.fillLegend(others ? [...shown, [`${this.state.say("others")} ${others}`, OTHER]] : shown);
  }

  /** Tell whether the text is light, and so the ground dark. */
  isDark() {
    const [red, green, blue] = (getComputedStyle(this.canvas).color.match(/[\d.]+/g) ?? [0, 0, 0]).map(Number);
    return red + green + blue > 384;
  }

  fillLegend(entries) {
    const drop = (colour) => {
      const swatch = h("span", { class: "swatch" });
      swatch.style.background = colour;
      return swatch;
    };
    this.legend.replaceChildren(...entries.map(([name, colour]) => h("li", {}, drop(colour), name)));
  }

  /** Paint all points anew if they changed, and above them the point under the mouse and the lasso. */
  paint(view) {
    const dense = window.devicePixelRatio || 1;
    if (this.stale) this.paintLayer(view, dense);
    const pen = this.canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    if (this.layer.width && this.layer.height) pen.drawImage(this.layer, 0, 0);
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.strokeStyle = getComputedStyle(this.canvas).color;
    if (view.hovered >= 0) this.ring(pen, view, view.hovered, 5, 2);
    if (view.path) this.paintPath(pen, view.path);
  }

  paintLayer(view, dense) {
    this.stale = false;
    this.layer.width = this.canvas.width;
    this.layer.height = this.canvas.height;
    this.radius = Math.min(Math.max(1.4, 60 / Math.sqrt(view.rows.length)), 4) * Math.min(Math.sqrt(view.zoom), 2);
    const pen = this.layer.getContext("2d");
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    const shown = new Set(this.state.shown);
    const groups = new Map();
    for (const row of view.rows) {
      const key = `${shown.has(row) ? 1 : 0}${this.colourOf(row)}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(row);
    }
    for (const key of [...groups.keys()].sort()) this.paintPoints(pen, view, groups.get(key), key);
    pen.strokeStyle = RARE;
    for (const row of view.rows) {
      if (this.state.data.selected[row] && shown.has(row)) this.ring(pen, view, row, 2.5, 1.4);
    }
  }

  paintPoints(pen, view, rows, key) {
    pen.globalAlpha = key[0] === "1" ? 0.85 : 0.4;
    pen.fillStyle = key.slice(1);
    pen.beginPath();
    for (const row of rows) {
      pen.moveTo(view.left[row] + this.radius, view.top[row]);
      pen.arc(view.left[row], view.top[row], this.radius, 0, 6.2832);
    }
    pen.fill();
    pen.globalAlpha = 1;
  }

  ring(pen, view, row, beyond, width) {
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(view.left[row], view.top[row], this.radius + beyond, 0, 6.2832);
    pen.stroke();
  }

  paintPath(pen, path) {
    pen.lineWidth = 1.5;
    pen.setLineDash([5, 4]);
    pen.beginPath();
    path.forEach(([x, y], number) => (number ? pen.lineTo(x, y) : pen.moveTo(x, y)));
    pen.closePath();
    pen.stroke();
    pen.setLineDash([]);
  }
}

/** Return a colour between pale blue (0) and the colour of what is rare (1). */
function mix(share) {
  const steps = [[158, 184, 208], [224, 170, 90], [213, 94, 0]];
  const place = Math.min(Math.max(share, 0), 0.9999) * 2;
  const [from, to] = [steps[Math.floor(place)], steps[Math.floor(place) + 1]];
  return `rgb(${from.map((value, channel) => Math.round(value + (to[channel] - value) * (place % 1))).join(" ")})`;
}
