// The page of writing: shows how the text will be read while it is typed, and keeps what was typed if the browser goes.

const form = document.getElementById("viet");
const text = document.getElementById("text");
const shown = document.getElementById("doc");
const count = document.getElementById("so-chu");
const numbers = new Intl.NumberFormat("vi-VN");

// --- how it will be read -------------------------------------------------------------------------------------------

let wanted = 0;
let timer = null;

async function read() {
  const mine = ++wanted;
  const body = new FormData();
  body.set("form", form.elements.form.value);
  body.set("text", text.value);
  body.set("unit_id", document.getElementById("unit_id").value);
  body.set("rate", form.elements.rate.value);
  shown.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/ban-tin/doc", { method: "POST", body });
    if (mine !== wanted) return; // something else has been typed since
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceChildren(...fresh.body.childNodes);
    offer();
  } catch {
    // What was shown stays; the next letter asks again.
  } finally {
    if (mine === wanted) shown.removeAttribute("aria-busy");
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(read, 350);
}

// A reading that is chosen is written in place of what stands. Offsets count characters, not UTF-16 units.
function offer() {
  for (const one of shown.querySelectorAll(".choice")) one.hidden = false;
}

shown.addEventListener("click", (event) => {
  const choice = event.target.closest(".choice");
  if (!choice) return;
  const letters = [...text.value];
  const start = letters.slice(0, Number(choice.dataset.offset)).join("").length;
  const end = start + choice.dataset.written.length;
  if (text.value.slice(start, end) !== choice.dataset.written) return; // typed over since: the fresh reading comes
  text.focus();
  text.setSelectionRange(start, end);
  // As if typed, so that Ctrl+Z takes it back.
  if (!document.execCommand("insertText", false, choice.dataset.said)) {
    text.setRangeText(choice.dataset.said, start, end, "end");
    text.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

// --- nothing typed is lost -------------------------------------------------------------------------------------------

const place = `viet:${form.dataset.key}`;
const note = document.getElementById("con-nhap");
const typed = () => JSON.stringify({ title: form.elements.title?.value ?? null, text: text.value });
const atFirst = typed();

function keep() {
  try {
    if (typed() === atFirst) localStorage.removeItem(place);
    else localStorage.setItem(place, typed());
  } catch {
    // No room, or not allowed: the form works without.
  }
}

function kept() {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}

const before = kept();
if (before && before !== atFirst && !document.getElementById("loi")) note.hidden = false;

note.addEventListener("click", (event) => {
  const what = event.target.dataset.do;
  if (!what) return;
  if (what === "restore") {
    const held = JSON.parse(before);
    text.value = held.text;
    if (held.title !== null && form.elements.title) form.elements.title.value = held.title;
    changed();
    text.focus();
  } else {
    localStorage.removeItem(place);
  }
  note.hidden = true;
});

// Only the page of what was saved knows that it was (news.js): until then what was typed stays, also if the login ended.
form.addEventListener("submit", () => {
  try {
    sessionStorage.setItem("viet:gui", place);
  } catch {
    // see keep()
  }
});

// --- typing -----------------------------------------------------------------------------------------------------------

function changed() {
  count.textContent = numbers.format([...text.value].length);
  count.parentElement.classList.toggle("said-wrong", [...text.value].length > Number(form.dataset.max));
  keep();
  soon();
}

form.addEventListener("input", changed);
form.addEventListener("change", soon);
offer();
