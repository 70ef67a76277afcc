// What scrolls must be reachable by keyboard: give scrolling outputs, tables and formulas a place in the tab order.
document.addEventListener("DOMContentLoaded", () => {
  for (const list of document.querySelectorAll(".book-files")) {
    for (const name of window.bookFiles ?? []) {
      const item = document.createElement("li"), link = document.createElement("a");
      const href = `${document.documentElement.dataset.content_root || "./"}${name}`;
      item.append(Object.assign(link, { href, download: "", textContent: name.split(".").pop().toUpperCase() }));
      list.append(item);
    }
  }
  const scrolling = ".cell_output, .pst-scrollable-table-container, div.math, div.highlight pre";
  const mark = () => {
    for (const element of document.querySelectorAll(scrolling)) {
      if (element.scrollWidth > element.clientWidth) element.setAttribute("tabindex", "0");
      else if (element.getAttribute("tabindex") === "0") element.removeAttribute("tabindex");
    }
  };
  mark();
  // Sphinx calls the bibliography a list, but its entries are no list items.
  for (const list of document.querySelectorAll(".citation-list[role=list]")) list.removeAttribute("role");
  // A notebook is there to be kept, not to be shown as text.
  for (const link of document.querySelectorAll('a[href^="_sources/"]')) {
    link.setAttribute("download", "");
    link.removeAttribute("target");
  }
  window.addEventListener("load", mark);
  window.addEventListener("resize", mark);
});

// Escape hides the meaning of a term that is shown, until another one is pointed at or in focus.
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape") document.documentElement.classList.add("tips-off");
});
for (const event of ["pointerover", "focusin"]) {
  document.addEventListener(event, () => document.documentElement.classList.remove("tips-off"));
}
