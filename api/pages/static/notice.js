// A short notice: what the loudspeaker will say is shown while it is filled in, and what was typed is kept.

const form = document.getElementById("dien");
const shown = document.getElementById("doc");
const note = document.getElementById("con-nhap");
const place = `thong-bao:${form.dataset.key}`;

let wanted = 0;
let timer = null;

async function read() {
  const mine = ++wanted;
  try {
    const answer = await fetch(form.dataset.read, { method: "POST", body: new FormData(form) });
    if (mine !== wanted) return; // something else has been typed since
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceChildren(...fresh.body.childNodes);
  } catch {
    // What was shown stays; the next letter asks again.
  }
}

const fields = () => [...form.elements].filter((one) => one.name && one.type !== "hidden" && one.type !== "submit");
const typed = () => JSON.stringify(Object.fromEntries(fields().map((one) => [one.name, one.value])));
const atFirst = typed();

function storage(act) {
  try {
    return act(localStorage);
  } catch {
    return null; // No room, or not allowed: the form works without.
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(read, 350);
  storage((held) => (typed() === atFirst ? held.removeItem(place) : held.setItem(place, typed())));
});
form.addEventListener("submit", () => {
  const button = form.querySelector("button.main");
  button.textContent = "Đang đọc thành tiếng…";
  setTimeout(() => (button.disabled = true)); // after the browser has taken the button's own value along
  storage(() => sessionStorage.setItem("viet:gui", place)); // the page that shows it saved lets it go (news.js)
});

const before = storage((held) => held.getItem(place));
if (before && before !== atFirst && !document.getElementById("loi")) note.hidden = false;
note.addEventListener("click", (event) => {
  const what = event.target.dataset.do;
  if (!what) return;
  if (what === "restore") {
    const held = JSON.parse(before);
    for (const one of fields()) if (held[one.name] !== undefined) one.value = held[one.name];
    read();
  } else {
    storage((held) => held.removeItem(place));
  }
  note.hidden = true;
});
