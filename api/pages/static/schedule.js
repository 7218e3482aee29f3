// Setting up a schedule: what will be heard is shown while it is chosen.

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

document.getElementById("cay").addEventListener("change", arrange);
arrange();
if (form.elements.programme_id.value && at.value) look();
