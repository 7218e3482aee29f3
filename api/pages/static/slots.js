// Filling a slot: marking communes all at once.

for (const bar of document.querySelectorAll(".mark")) {
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const which = event.target.dataset.mark;
    if (!which) return;
    for (const box of bar.parentElement.querySelectorAll("input[type=checkbox]")) {
      box.checked = which === "all" || (which === "open" && "open" in box.dataset);
    }
  });
}
