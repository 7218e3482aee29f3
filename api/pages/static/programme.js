// Putting a programme together without asking the server for every step: adding, moving, dragging, the length of all.

const form = document.getElementById("xep");
const list = document.getElementById("thu-tu");
const total = document.getElementById("tong");

function duration(ms) {
  const seconds = Math.round(ms / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const parts = [];
  if (hours) parts.push(`${hours} giờ`);
  if (minutes) parts.push(`${minutes} phút`);
  if ((rest && !hours) || !parts.length) parts.push(`${rest} giây`);
  return parts.join(" ");
}

function count() {
  total.textContent = duration([...list.children].reduce((sum, item) => sum + Number(item.dataset.ms), 0));
}

function moves(item, name) {
  const span = document.createElement("span");
  span.className = "moves";
  for (const [what, label, said] of [["len", "↑", "Đưa lên"], ["xuong", "↓", "Đưa xuống"], ["bo", "Bỏ", "Bỏ ra"]]) {
    const button = document.createElement("button");
    button.name = "viec";
    button.value = what;
    button.textContent = label;
    button.setAttribute("aria-label", `${said}: ${name}`);
    span.append(button);
  }
  item.append(span);
}

function added({ key, name, word, ms }) {
  const item = document.createElement("li");
  item.dataset.ms = ms;
  const field = Object.assign(document.createElement("input"), { type: "hidden", name: "muc", value: key });
  const grip = Object.assign(document.createElement("span"), { className: "grip", textContent: "⋮⋮" });
  grip.setAttribute("aria-hidden", "true");
  const what = Object.assign(document.createElement("span"), { className: "what", textContent: `${name} ` });
  what.append(Object.assign(document.createElement("span"), { className: "none", textContent: word }));
  const long = Object.assign(document.createElement("span"), { className: "t long", textContent: Number(ms) ? duration(ms) : "" });
  item.append(field, grip, what, long);
  moves(item, name);
  item.draggable = true;
  return item;
}

form.addEventListener("submit", (event) => {
  const button = event.submitter;
  const [action] = (button?.value ?? "").split(":");
  if (!["them", "len", "xuong", "bo"].includes(action)) return;
  event.preventDefault();
  if (action === "them") {
    const last = list.lastElementChild;
    const closing = last?.querySelector("input").value.startsWith("chime:kết thúc");
    list.insertBefore(added(button.dataset), closing ? last : null);
  } else {
    const item = button.closest("li");
    if (action === "len") item.previousElementSibling?.before(item);
    if (action === "xuong") item.nextElementSibling?.after(item);
    if (action === "bo") item.remove();
    else button.focus(); // moving takes the focus away
  }
  count();
});

// --- dragging ----------------------------------------------------------------------------------------------------------

let dragged = null;
for (const item of list.children) item.draggable = true;

list.addEventListener("dragstart", (event) => {
  dragged = event.target.closest("li");
  dragged.classList.add("dragged");
  event.dataTransfer.effectAllowed = "move";
});
list.addEventListener("dragover", (event) => {
  const over = event.target.closest("li");
  if (!dragged || !over || over === dragged) return;
  event.preventDefault();
  const { top, height } = over.getBoundingClientRect();
  if (event.clientY < top + height / 2) over.before(dragged);
  else over.after(dragged);
});
list.addEventListener("dragend", () => {
  dragged?.classList.remove("dragged");
  dragged = null;
  count();
});
