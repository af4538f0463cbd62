// Peek: a record's summary beside the list, opened by Space on its row or a click on the row's edge. Focus stays in the
// list, so J and K go on with it open; what one rests on is loaded. Esc goes back to the row alone.
"use strict";

const peek = (() => {
  const REST = 300;
  const EDGE = 36;
  const panel = document.getElementById("peek");
  if (!panel) return { toggle: () => false };
  const RECORD = /^\/(patients|leads)\/[0-9a-f-]{36}$/;
  let row = null;
  let timer = null;
  let asking = null;

  // A row that opens something else says whose record it is.
  const recordOf = (link) => link.dataset.record ?? link.getAttribute("href");
  const linkOf = (element) => {
    const link = element?.closest("[data-rows] tr")?.querySelector(".row-link");
    return link && RECORD.test(recordOf(link)) ? link : null;
  };

  function close(isBack = true) {
    clearTimeout(timer);
    asking?.abort();
    if (panel.hidden) return;
    panel.hidden = true;
    panel.querySelector("[data-peeked]").replaceChildren();
    if (isBack && row?.isConnected) row.focus();
    row = null;
  }

  async function load(link) {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    row = link;
    const place = panel.querySelector("[data-peeked]");
    // The summary of another record does not stand for this one.
    const arrived = line.wait(place, { isEmpty: true, panel });
    try {
      const answer = await fetch(`${recordOf(link)}/peek`, {
        signal: mine.signal,
        headers: { Accept: "text/html", "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#peeked" },
      });
      const html = await answer.text();
      if (mine !== asking) return;
      document.dispatchEvent(new CustomEvent("asked"));
      const away = answer.headers.get("hx-redirect");
      if (away) {
        location.assign(away);
        return;
      }
      place.innerHTML = html;
      panel.hidden = false;
      panel.scrollTop = 0;
    } catch (error) {
      if (error.name === "AbortError") return;
      showFlash(_("The CRM could not be reached: the record was not loaded."), "danger");
      document.dispatchEvent(new CustomEvent("unreachable"));
    } finally {
      arrived();
      if (mine === asking && !place.hasChildNodes()) close();
    }
  }

  function toggle() {
    const link = linkOf(document.activeElement);
    if (!panel.hidden && (link === row || !link)) close();
    else if (link) load(link);
    return Boolean(link);
  }

  document.addEventListener("walked", (event) => {
    const link = linkOf(event.target);
    clearTimeout(timer);
    if (!panel.hidden && link && link !== row) timer = setTimeout(() => load(link), REST);
  });

  // The whole row opens its record; its edge peeks.
  document.addEventListener(
    "click",
    (event) => {
      const link = linkOf(event.target);
      if (!link || event.target.closest("a, button, input, label") !== link || event.ctrlKey || event.metaKey) return;
      if (event.clientX < link.closest("tr").getBoundingClientRect().right - EDGE || event.clientX === 0) return;
      event.preventDefault();
      event.stopPropagation();
      link.focus();
      load(link);
    },
    true,
  );

  panel.addEventListener("click", (event) => {
    if (event.target.closest("[data-close-peek]")) close();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented || panel.hidden) return;
    if (document.querySelector("dialog[open], details[data-menu][open]")) return;
    event.preventDefault();
    close();
  });

  document.addEventListener("visited", () => close(false));
  document.addEventListener("locked", () => close(false));

  return { toggle };
})();
