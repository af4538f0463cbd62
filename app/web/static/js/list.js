// Lists: further rows are put below the ones that are there, rows are selected by keys, and a toast undoes.
// Without this file the next page is a page of its own, boxes are ticked one by one, and undo is a button.
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
    }
    control.removeAttribute("aria-busy");
    const found = page?.getElementById("list-rows");
    if (!found) {
      showFlash("More rows could not be loaded. Check the connection and try again.", "danger");
      return;
    }
    const [first] = found.rows;
    rows().append(...found.rows);
    document.getElementById("list-foot").replaceWith(page.getElementById("list-foot"));
    const count = document.querySelector("#list-foot [data-shown]");
    if (count) count.textContent = rows().rows.length.toLocaleString("en");
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
})();
