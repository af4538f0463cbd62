// Lists: further rows are put below the ones that are there. Only pages with a list or its file fetch this.
// Without this file the next page is a page of its own.
"use strict";

(() => {
  const rows = () => document.getElementById("list-rows");

  // More rows --------------------------------------------------------------------------------------------------

  async function loadMore(control, address, options) {
    if (control.getAttribute("aria-busy") === "true") return;
    control.setAttribute("aria-busy", "true");
    let page = null;
    try {
      const answer = await fetch(address, options);
      if (answer.ok && !answer.redirected) page = new DOMParser().parseFromString(await answer.text(), "text/html");
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      document.dispatchEvent(new CustomEvent("unreachable"));
    }
    control.removeAttribute("aria-busy");
    const found = page?.getElementById("list-rows");
    if (!found) {
      showFlash(_("More rows could not be loaded. Check the connection and try again."), "danger");
      return;
    }
    const [first] = found.rows;
    const arrived = [...found.rows];
    rows().append(...arrived);
    for (const row of arrived) globalThis.htmx?.process(row);
    document.getElementById("list-foot").replaceWith(page.getElementById("list-foot"));
    const count = document.querySelector("#list-foot [data-shown]");
    if (count) count.textContent = rows().rows.length.toLocaleString(root.lang);
    first?.querySelector(".row-link")?.focus();
    document.dispatchEvent(new CustomEvent("rows"));
  }

  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("a[data-more]");
      if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      event.stopPropagation();
      loadMore(link, link.href, {});
    },
    true,
  );

  document.addEventListener(
    "submit",
    (event) => {
      if (!event.target.matches("form[data-more]")) return;
      event.preventDefault();
      event.stopPropagation();
      const body = new URLSearchParams(new FormData(event.target));
      loadMore(event.target.querySelector("button"), event.target.action, { method: "POST", body });
    },
    true,
  );

  // In a menu in which one of many is found by typing one can type at once; who is chosen is shown.
  document.addEventListener("toggle", (event) => {
    if (event.target.matches?.("details[data-menu][open]")) event.target.querySelector("[data-filter] input[type=text]")?.focus();
  }, true);
  document.addEventListener("picked", (event) => event.target.closest("form[data-filter]")?.requestSubmit());

  // What a cell has no room for is told to those who point at it. ------------------------------------------------

  document.addEventListener("mouseover", (event) => {
    const cell = event.target.closest?.(".list-table :is(td, .row-link)");
    if (!cell || cell.title) return;
    const lines = cell.querySelector(".list-text");
    const isCut = cell.scrollWidth > cell.clientWidth || (lines && lines.scrollHeight > lines.clientHeight);
    if (isCut) cell.title = cell.textContent.trim();
  });

  // A file comes without a page: the button can be pressed again.
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("form[data-file]")) return;
    const button = event.submitter;
    setTimeout(() => button?.removeAttribute("aria-busy"), 2000);
    showFlash(_("The file comes to the downloads of your browser."));
  });
})();
