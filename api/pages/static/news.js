// One bulletin: while its sound is made, how far it is; and one player at a time.

const make = document.getElementById("tao-tieng");

make?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = make.querySelector("button");
  const bar = make.querySelector("progress");
  const version = make.elements.ban.value;
  button.disabled = true;
  button.textContent = "Đang đọc…";
  bar.hidden = false;
  const asking = setInterval(async () => {
    const answer = await fetch(`/api/v1/versions/${version}/rendering`).catch(() => null);
    const share = answer?.ok ? (await answer.json()).share : null;
    if (share !== null) bar.value = share;
  }, 500);
  try {
    const answer = await fetch(make.action, { method: "POST", body: new FormData(make) });
    if (answer.ok && answer.redirected) {
      location.assign(answer.url);
      if (answer.url.split("#")[0] === location.href.split("#")[0]) location.reload();
      return;
    }
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.querySelector("main").replaceWith(page.querySelector("main")); // with what stands in the way
  } catch {
    make.submit(); // no line: the browser says so itself
  } finally {
    clearInterval(asking);
  }
});

const players = document.querySelectorAll("audio");
for (const one of players) {
  one.addEventListener("play", () => {
    for (const other of players) if (other !== one) other.pause();
  });
}

// What was being written has been saved: this page shows it.
try {
  const place = sessionStorage.getItem("viet:gui");
  if (place) localStorage.removeItem(place);
  sessionStorage.removeItem("viet:gui");
} catch {
  // Not allowed: then nothing was kept either.
}
