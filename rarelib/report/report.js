// Show the cards that fit all chosen filters; texts are only compared, never put into the page as markup.
"use strict";
const form = document.getElementById("filters");
const cards = Array.from(document.querySelectorAll(".card"));
const texts = new Map(cards.map((card) => [card, card.textContent.toLowerCase()]));
const shown = document.getElementById("shown");

function fits(card) {
  const wanted = (name) => (form.elements[name] ? form.elements[name].value : "");
  const doubt = form.elements["disagrees"];
  const words = wanted("words").toLowerCase().split(/\s+/);
  return (
    words.every((word) => texts.get(card).includes(word)) &&
    (!wanted("class") || card.dataset.class === wanted("class")) &&
    (!wanted("origin") || card.dataset.origin === wanted("origin")) &&
    (!wanted("code") || card.dataset.code.split(" ").includes(wanted("code"))) &&
    (!doubt || !doubt.checked || card.dataset.disagrees === "1")
  );
}

function update() {
  let count = 0;
  for (const card of cards) {
    card.hidden = !fits(card);
    count += card.hidden ? 0 : 1;
  }
  shown.textContent = shown.dataset.text.replace("#", count);
}

if (form) {
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  update();
}
