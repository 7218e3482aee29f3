// Moving an airing: what will be heard is shown again whenever the day, the time or the scope changes.

const form = document.getElementById("doi");
let wanted = 0;
let timer = null;

async function look() {
  const mine = ++wanted;
  const shown = document.getElementById("truoc");
  shown.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(`${location.pathname}?${new URLSearchParams(new FormData(form))}`);
    if (mine !== wanted || answer.redirected) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    shown.replaceChildren(...fresh.getElementById("truoc").childNodes);
    const problem = fresh.querySelector("main > .problem");
    document.querySelector("main > .problem")?.remove();
    if (problem) document.querySelector("main > .date").after(problem);
  } catch {
    // What was shown stays; the button asks again.
  } finally {
    if (mine === wanted) shown.removeAttribute("aria-busy");
  }
}

form.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(look, 300);
});
