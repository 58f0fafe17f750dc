"use strict";
// Sort a table by the column whose heading is pressed; pressed again, the other way round.
for (const button of document.querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const heading = button.closest("th");
    const place = [...heading.parentNode.children].indexOf(heading);
    const body = heading.closest("table").tBodies[0];
    const fields = new Map([...body.rows].map((row) => [row, row.cells[place]]));
    const numbers = [...fields.values()].some((field) => field.dataset.v !== undefined);
    const before = heading.getAttribute("aria-sort");
    const rising = before ? before === "descending" : !numbers;
    for (const other of heading.parentNode.children) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rising ? "ascending" : "descending");
    const compare = (a, b) =>
      numbers
        ? Number(fields.get(a).dataset.v) - Number(fields.get(b).dataset.v)
        : fields.get(a).textContent.localeCompare(fields.get(b).textContent, "en", { numeric: true });
    const rows = [...body.rows].sort((a, b) => (rising ? compare(a, b) : compare(b, a)));
    body.append(...rows);
  });
}
// On paper nothing can be opened.
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details")) part.open = true;
});
