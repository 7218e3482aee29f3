// Setting up a schedule: what will be heard is shown while it is chosen; a tree that can be searched without marks.

const form = document.getElementById("dat");
const shown = document.getElementById("truoc");
const at = document.getElementById("at");
const title = document.getElementById("title");
const programme = document.getElementById("programme_id");

// --- what will be heard ------------------------------------------------------------------------------------------------

let wanted = 0;
let timer = null;

async function look() {
  const mine = ++wanted;
  shown.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch("/lich/xem-truoc", { method: "POST", body: new FormData(form) });
    if (mine !== wanted) return;
    if (answer.redirected || !answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceChildren(...fresh.body.childNodes);
  } catch {
    // What was shown stays; the next change asks again.
  } finally {
    if (mine === wanted) shown.removeAttribute("aria-busy");
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(look, 300);
}

// --- fields ------------------------------------------------------------------------------------------------------------

function arrange() {
  const kind = form.elements.kind.value;
  for (const one of form.querySelectorAll("[data-for]")) one.hidden = !one.dataset.for.split(" ").includes(kind);
  document.querySelector("label[for=first]").textContent = kind === "once" ? "Ngày" : "Từ ngày";
  const chosen = tree.querySelectorAll("input:checked").length;
  document.getElementById("so-noi").textContent = chosen ? `(${chosen} nơi)` : "";
}

form.addEventListener("click", (event) => {
  const button = event.target.closest("[data-at]");
  if (!button) return;
  event.preventDefault();
  at.value = button.dataset.at;
  soon();
});

let titled = title.value;
programme.addEventListener("change", () => {
  if (title.value !== titled) return; // a name of one's own stays
  titled = programme.value ? programme.selectedOptions[0].textContent : "";
  title.value = titled;
});

form.addEventListener("input", () => {
  arrange();
  soon();
});

// --- the tree: what is below a chosen unit is chosen with it ------------------------------------------------------------

const tree = document.getElementById("cay");
const filter = document.getElementById("loc-noi");
const plain = (text) => text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase().replaceAll("đ", "d");

function below(id) {
  return [...tree.querySelectorAll(`[data-parent="${id}"]`)].flatMap((one) => [one, ...below(one.dataset.id)]);
}

function cover() {
  const covered = new Set();
  for (const one of tree.children) {
    if (one.querySelector("input:checked")) for (const inner of below(one.dataset.id)) covered.add(inner);
  }
  for (const one of tree.children) {
    const box = one.querySelector("input");
    if (!box) continue;
    if (covered.has(one)) box.checked = false;
    box.disabled = covered.has(one);
    one.classList.toggle("covered", covered.has(one));
  }
}

tree.addEventListener("change", () => {
  cover();
  arrange();
});
filter.hidden = tree.children.length < 8;
filter.addEventListener("input", (event) => {
  event.stopPropagation(); // looking for a place changes nothing of the schedule
  const text = plain(filter.value.trim());
  for (const one of tree.children) one.hidden = !one.dataset.plain?.includes(text) && !one.querySelector("input:checked");
});

cover();
arrange();
if (form.elements.programme_id.value && at.value) look();
