// The palette: search everywhere over the page one is on. Focus stays in its field; the arrows choose among the options.
// What is typed is posted, and nothing of it is kept in the browser. Without this file the field leads to /search.
"use strict";

const palette = (() => {
  const PAUSE = 150;
  const FEWEST = 2;
  const dialog = document.getElementById("palette");
  if (!dialog) return { open() {} };
  const form = dialog.querySelector("form");
  const field = dialog.querySelector("[role=combobox]");
  const results = document.getElementById("palette-results");
  let timer = null;
  let asking = null;
  let shownFor = null;

  const options = () => [...results.querySelectorAll('[role="option"]:not([aria-disabled])')];

  function choose(option) {
    for (const other of results.querySelectorAll('[aria-selected="true"]')) other.setAttribute("aria-selected", "false");
    field.removeAttribute("aria-activedescendant");
    if (!option) return;
    option.setAttribute("aria-selected", "true");
    field.setAttribute("aria-activedescendant", option.id);
    option.scrollIntoView({ block: "nearest" });
  }

  function show(html) {
    results.removeAttribute("aria-busy");
    results.innerHTML = html;
    options().forEach((option, number) => (option.id = `palette-option-${number}`));
    field.setAttribute("aria-expanded", String(options().length > 0));
    // Where what one looks for is told and cannot be opened, nothing is chosen for one.
    const isTold = results.querySelector('[role="option"][aria-disabled]') && !options().some((option) => option.matches("a"));
    choose(isTold ? null : options()[0]);
  }

  function say(sentence) {
    results.removeAttribute("aria-busy");
    results.replaceChildren();
    const said = document.createElement("p");
    said.className = "search-said";
    said.setAttribute("role", "alert");
    said.textContent = sentence;
    results.append(said);
    choose(null);
    field.setAttribute("aria-expanded", "false");
  }

  // An answer that has been overtaken is dropped: only the last question's is shown.
  async function ask() {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    const typed = field.value.trim();
    const body = new URLSearchParams(new FormData(form));
    body.set("here", location.pathname);
    const slow = setTimeout(() => dialog.classList.add("is-asking"), PAUSE);
    try {
      const answer = await fetch(form.action, {
        method: "POST",
        body,
        signal: mine.signal,
        headers: { "HX-Request": "true", "HX-Request-Type": "partial", "HX-Target": "div#palette-results" },
      });
      const html = await answer.text();
      if (mine !== asking) return;
      document.dispatchEvent(new CustomEvent("asked"));
      const away = answer.headers.get("hx-redirect");
      if (away) {
        location.assign(away);
        return;
      }
      shownFor = typed;
      if (answer.ok || answer.status === 422) show(html);
      else say(_("The search did not work. Nothing was looked up: try again, or load the page anew."));
    } catch (error) {
      if (error.name === "AbortError") return;
      shownFor = null;
      document.dispatchEvent(new CustomEvent("unreachable"));
      say(_("The CRM could not be reached, so nothing was looked up. What you typed stays: press Enter to try again."));
    } finally {
      clearTimeout(slow);
      if (mine === asking) dialog.classList.remove("is-asking");
    }
  }

  function open(typed = "") {
    if (dialog.open || document.querySelector("dialog[open]")) return;
    field.value = typed;
    shownFor = null;
    results.replaceChildren();
    dialog.showModal();
    field.focus();
    ask();
  }

  field.addEventListener("input", () => {
    clearTimeout(timer);
    const typed = field.value.trim();
    // What is shown meanwhile answers another question, and Enter does not open it.
    if (typed.length >= FEWEST || typed === "") {
      if (typed !== shownFor) results.setAttribute("aria-busy", "true");
      timer = setTimeout(ask, PAUSE);
    } else {
      asking?.abort();
      results.removeAttribute("aria-busy");
    }
  });

  field.addEventListener("keydown", (event) => {
    const found = options();
    const at = found.findIndex((option) => option.getAttribute("aria-selected") === "true");
    const to = { ArrowDown: (at + 1) % found.length, ArrowUp: (at + found.length - 1) % found.length }[event.key];
    if (to !== undefined && found.length > 0) {
      event.preventDefault();
      choose(found[to]);
    } else if ((event.key === "Home" || event.key === "End") && (event.ctrlKey || field.value === "")) {
      event.preventDefault();
      choose(event.key === "Home" ? found[0] : found.at(-1));
    }
  });

  // Enter opens what is chosen where it answers what stands in the field; else it asks, and nobody is opened unseen.
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    event.stopPropagation();
    const chosen = results.querySelector('[role="option"][aria-selected="true"]');
    if (shownFor === field.value.trim() && chosen) chosen.click();
    else ask();
  });

  // After the press itself: a link is followed, and a form sent, before their place is emptied.
  results.addEventListener("click", (event) => {
    if (event.target.closest('[role="option"]:not([aria-disabled])')) setTimeout(() => dialog.close());
  });
  results.addEventListener("pointermove", (event) => {
    const option = event.target.closest('[role="option"]:not([aria-disabled])');
    if (option && option.getAttribute("aria-selected") !== "true") choose(option);
  });

  // Names do not stay in a page that is left open, nor under the lock.
  dialog.addEventListener("close", () => {
    clearTimeout(timer);
    asking?.abort();
    asking = null;
    dialog.classList.remove("is-asking");
    field.value = "";
    results.removeAttribute("aria-busy");
    results.replaceChildren();
  });

  document.addEventListener("locked", () => dialog.close());

  // The field of the top bar is the way in for a mouse.
  document.addEventListener("click", (event) => {
    if (event.target.matches("[data-opens-palette]")) open();
  });

  return { open };
})();
