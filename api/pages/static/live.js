// Keeps the page of the day, or of a commune, up to date: waits for word from the server, then asks for the board and changes only what
// differs. Without this script the page reloads itself.

const board = document.getElementById("bang");
const status = document.getElementById("truc-tiep");
const clock = document.getElementById("gio");

// The server's time, not this computer's.
const loadedAt = performance.now();
const serverAtLoad = Number(clock.dataset.now);
const now = () => serverAtLoad + (performance.now() - loadedAt);
const hours = new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", hour12: false, hourCycle: "h23", timeZone: clock.dataset.zone });
const fullHours = new Intl.DateTimeFormat("vi-VN", { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZone: clock.dataset.zone });

function tick() {
  clock.textContent = hours.format(now());
  const line = document.getElementById("dong-gio");
  if (!line) return;
  const start = Number(line.dataset.start);
  const percent = `${Math.min(100, Math.max(0, (100 * (now() - start)) / (Number(line.dataset.end) - start)))}%`;
  for (const one of line.querySelectorAll(".now")) {
    one.setAttribute("x1", percent);
    one.setAttribute("x2", percent);
  }
}

function say(text, kind) {
  if (status.textContent !== text) status.textContent = text;
  status.className = `link ${kind}`;
}

// --- changing only what differs ---------------------------------------------------------------------------------

function sameKind(one, other) {
  return one.nodeType === other.nodeType && one.nodeName === other.nodeName &&
    (one.nodeType !== Node.ELEMENT_NODE || one.getAttribute("data-key") === other.getAttribute("data-key"));
}

function sync(held, wanted) {
  if (held.isEqualNode(wanted)) return;
  if (held.nodeType !== Node.ELEMENT_NODE) {
    if (held.nodeValue !== wanted.nodeValue) held.nodeValue = wanted.nodeValue;
    return;
  }
  for (const { name } of [...held.attributes]) {
    if (!wanted.hasAttribute(name) && name !== "open") held.removeAttribute(name); // what a person has opened stays so
  }
  for (const { name, value } of wanted.attributes) if (held.getAttribute(name) !== value) held.setAttribute(name, value);
  let place = held.firstChild;
  for (const child of [...wanted.childNodes]) {
    let match = place;
    while (match && !sameKind(match, child)) match = match.nextSibling;
    if (!match) {
      const added = document.importNode(child, true);
      held.insertBefore(added, place);
      mark(added);
      continue;
    }
    while (place !== match) { // what stands between is gone, or comes again further down as new
      const next = place.nextSibling;
      place.remove();
      place = next;
    }
    if (match.nodeType === Node.ELEMENT_NODE && match.matches(".chip") && !match.isEqualNode(child)) mark(match);
    sync(match, child);
    place = match.nextSibling;
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function mark(node) {
  if (node.nodeType !== Node.ELEMENT_NODE || !node.matches(".chip")) return;
  node.getAnimations().forEach((running) => running.cancel());
  requestAnimationFrame(() => node.classList.add("changed"));
}

// --- never moving what a person is about to press ------------------------------------------------------------------

const order = (root) => [...root.querySelectorAll("[data-key]")].map((one) => one.dataset.key).join();
const aboutToPress = () => board.querySelector(".act:hover, .act:focus-visible, .act:active");

let waiting = null;

function show(fresh) {
  if (aboutToPress() && order(fresh) !== order(board)) {
    waiting = fresh;
    return;
  }
  waiting = null;
  const scrolled = window.scrollY;
  const anchor = [...board.querySelectorAll("[data-key]")].find((one) => one.getBoundingClientRect().top >= 0);
  const before = anchor?.getBoundingClientRect().top;
  sync(board, fresh);
  // What was added above what is being read pushes the page, not the reader.
  if (scrolled > 0 && anchor?.isConnected) window.scrollBy(0, anchor.getBoundingClientRect().top - before);
  tick();
}

function released() {
  setTimeout(() => waiting && show(waiting), 400);
}
board.addEventListener("pointerout", released);
board.addEventListener("focusout", released);

// --- asking for the board, one question at a time --------------------------------------------------------------------

let asking = false;
let again = false;

async function refresh() {
  if (asking) {
    again = true;
    return;
  }
  asking = true;
  try {
    do {
      again = false;
      const answer = await fetch(board.dataset.from ?? `/hom-nay${location.search}`, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 401) {
        location.reload(); // the login has ended: the server brings back here after a new one
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const page = new DOMParser().parseFromString(`<div id="bang">${await answer.text()}</div>`, "text/html");
      show(page.getElementById("bang"));
      say(`Trực tiếp. Số liệu lúc ${fullHours.format(now())}.`, "on");
      if (again) await new Promise((done) => setTimeout(done, 250));
    } while (again);
  } catch {
    lost();
  } finally {
    asking = false;
  }
}

let since = now();

function lost() {
  say(`Mất kết nối với máy chủ từ ${fullHours.format(since)}, đang thử lại. Số liệu có thể đã cũ.`, "lost");
}

const source = new EventSource("/api/v1/live");
source.addEventListener("open", () => refresh());
source.addEventListener("change", () => refresh());
source.addEventListener("error", async () => {
  // A stream that ends by its age comes again in a second; only what lasts is worth a word.
  since = now();
  setTimeout(() => source.readyState !== EventSource.OPEN && lost(), 3000);
  if (source.readyState === EventSource.CLOSED) setTimeout(refresh, 1000); // refused: perhaps the login has ended
});

tick();
setInterval(tick, 1000);
setInterval(() => source.readyState === EventSource.OPEN && refresh(), 30_000); // "5 phút trước" grows
