// A tree of units to choose from: searched without marks, and what is below a chosen unit is chosen with it.

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
  const chosen = tree.querySelectorAll("input:checked").length;
  document.getElementById("so-noi").textContent = chosen ? `(${chosen} nơi)` : "";
}

tree.addEventListener("change", cover);
filter.hidden = tree.children.length < 8;
filter.addEventListener("input", (event) => {
  event.stopPropagation(); // looking for a place changes nothing of what is chosen
  const text = plain(filter.value.trim());
  for (const one of tree.children) one.hidden = !one.dataset.plain?.includes(text) && !one.querySelector("input:checked");
});

cover();
