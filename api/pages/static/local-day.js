// A local day: only the fields that the chosen kind of days, and what becomes of them, need.

const form = document.getElementById("ngay-moi");

function arrange() {
  for (const name of ["kieu", "viec"]) {
    const chosen = form.elements[name].value;
    for (const one of form.querySelectorAll(`[data-${name}]`)) one.hidden = !one.dataset[name].split(" ").includes(chosen);
  }
}

form.addEventListener("change", arrange);
arrange();
