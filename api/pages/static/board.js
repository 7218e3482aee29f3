// The week board: a card is dragged to another hour, or carried there by the keyboard (D, arrows, Enter; Escape leaves
// it). Where it is dropped the server shows what would come of it before anything is moved.

const table = document.getElementById("bang-tuan");
const status = document.getElementById("noi-ra");

const cells = () => [...table.querySelectorAll("td[data-hour]")];
const say = (text) => (status.textContent = text);

function dropped(card, cell) {
  const minutes = card.dataset.at.slice(3);
  const to = new URL(card.href);
  to.searchParams.set("ngay", cell.dataset.day);
  to.searchParams.set("gio", `${cell.dataset.hour.padStart(2, "0")}:${minutes}`);
  location.assign(to);
}

function over(cell) {
  for (const one of table.querySelectorAll(".target")) one.classList.remove("target");
  cell?.classList.add("target");
}

// --- by the mouse ------------------------------------------------------------------------------------------------------

let carried = null;

for (const card of table?.querySelectorAll(".movable") ?? []) card.draggable = true;

table?.addEventListener("dragstart", (event) => {
  carried = event.target.closest(".movable");
  if (!carried) return;
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", carried.title);
  carried.classList.add("dragged");
});
table?.addEventListener("dragover", (event) => {
  const cell = event.target.closest("td[data-hour]");
  if (!carried || !cell) return;
  event.preventDefault();
  over(cell);
});
table?.addEventListener("drop", (event) => {
  const cell = event.target.closest("td[data-hour]");
  if (!carried || !cell) return;
  event.preventDefault();
  if (cell !== carried.closest("td")) dropped(carried, cell);
});
table?.addEventListener("dragend", () => {
  carried?.classList.remove("dragged");
  carried = null;
  over(null);
});

// --- by the keyboard ---------------------------------------------------------------------------------------------------

let held = null; // the card that is carried
let at = null; // the cell that it would be put into

function beside(cell, key) {
  const all = cells();
  const place = all.indexOf(cell);
  const column = place % 7;
  if (key === "ArrowLeft") return column > 0 ? all[place - 1] : cell;
  if (key === "ArrowRight") return column < 6 ? all[place + 1] : cell;
  return all[place + (key === "ArrowUp" ? -7 : 7)] ?? cell;
}

function where(cell) {
  const day = table.querySelectorAll("thead th")[(cells().indexOf(cell) % 7) + 1];
  return `${day.innerText.replaceAll("\n", " ")}, ${cell.dataset.hour} giờ${cell.title ? `, ${cell.title}` : ""}`;
}

function leave() {
  held?.classList.remove("dragged");
  held = at = null;
  over(null);
}

table?.addEventListener("keydown", (event) => {
  const card = event.target.closest(".card");
  if (!card || event.altKey || event.ctrlKey || event.metaKey) return;
  if (!held && event.key.toLowerCase() === "d" && card.matches(".movable")) {
    held = card;
    at = card.closest("td");
    held.classList.add("dragged");
    over(at);
    say(`Đang dời ${card.title}. Đi bằng mũi tên, Enter để đặt, Escape để thôi.`);
  } else if (held && event.key.startsWith("Arrow")) {
    at = beside(at, event.key);
    over(at);
    at.scrollIntoView({ block: "nearest", inline: "nearest" });
    say(where(at));
  } else if (held && event.key === "Enter") {
    const [one, to] = [held, at];
    leave();
    dropped(one, to);
  } else if (held && event.key === "Escape") {
    leave();
    say("Không dời.");
  } else {
    return;
  }
  event.preventDefault();
});

// Choosing another place shows it at once.
for (const choice of document.querySelectorAll(".days select")) {
  choice.addEventListener("change", () => choice.form.submit());
}
