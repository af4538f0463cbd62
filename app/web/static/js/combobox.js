// A field in which one of many is found by typing. Focus stays in the field; the arrows choose, Enter takes, Esc leaves.
// What is typed is posted, and nothing of it is kept in the browser. Without this file it is looked up by the form.
"use strict";

(() => {
  const PAUSE = 150;
  let timer = null;
  let asking = null;

  const partsOf = (field) => {
    const box = field.closest("[data-combobox]");
    const name = field.name.replace(/_typed$/, "");
    return { box, list: box.querySelector(".combobox-list"), value: box.querySelector(`input[type=hidden][name="${name}"]`), for_: box.querySelector(`[name="${name}_for"]`) };
  };
  const optionsOf = (list) => [...list.querySelectorAll('[role="option"]')];
  const isOne = (element) => element.matches?.("[data-combobox] > input[type=text]");

  // Only where the script works is the field said to be a combobox.
  function begin(field) {
    if (field.role === "combobox") return;
    const { list } = partsOf(field);
    for (const [name, value] of Object.entries({
      role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-haspopup": "listbox", "aria-controls": list.id,
    })) field.setAttribute(name, value);
  }

  function mark(field, option) {
    for (const other of optionsOf(partsOf(field).list)) other.setAttribute("aria-selected", String(other === option));
    if (option) field.setAttribute("aria-activedescendant", option.id);
    else field.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  function open(field, isOpen) {
    const { list } = partsOf(field);
    list.hidden = !isOpen;
    field.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) {
      list.replaceChildren();
      field.removeAttribute("aria-activedescendant");
    }
  }

  function close(field) {
    clearTimeout(timer);
    asking?.abort();
    open(field, false);
  }

  function say(field, sentence) {
    const said = document.createElement("p");
    said.className = "combobox-said";
    said.setAttribute("role", "alert");
    said.textContent = sentence;
    partsOf(field).list.replaceChildren(said);
    open(field, true);
  }

  // The id that is sent, and the text for which it was chosen.
  function hold(field, id, text) {
    const { box, value, for_ } = partsOf(field);
    for (const radio of box.querySelectorAll("input[type=radio]")) radio.checked = false;
    value.value = id;
    for_.value = text;
  }

  function take(field, option) {
    field.value = option.dataset.text;
    hold(field, option.dataset.value, option.dataset.text);
    field.dataset.changed = "";
    close(field);
    field.dispatchEvent(new CustomEvent("picked", { bubbles: true }));
  }

  // An answer that has been overtaken is dropped: only the last question's is shown.
  async function ask(field) {
    clearTimeout(timer);
    asking?.abort();
    const mine = (asking = new AbortController());
    const { box, list } = partsOf(field);
    const body = new URLSearchParams({ csrf_token: document.querySelector('meta[name="csrf-token"]').content, q: field.value.trim() });
    const slow = setTimeout(() => box.classList.add("is-asking"), PAUSE);
    try {
      const answer = await fetch(box.dataset.combobox, { method: "POST", body, signal: mine.signal, headers: { "HX-Request": "true", "HX-Request-Type": "partial" } });
      const html = await answer.text();
      if (mine !== asking || document.activeElement !== field) return;
      document.dispatchEvent(new CustomEvent("asked"));
      const away = answer.headers.get("hx-redirect");
      if (away) location.assign(away);
      else if (answer.status === 403) say(field, _("Your role may not look this up."));
      else if (!answer.ok && answer.status !== 422) say(field, _("The search did not work. Press the arrow down to try again."));
      else {
        list.innerHTML = html;
        optionsOf(list).forEach((option, number) => (option.id = `${list.id}-${number}`));
        open(field, true);
        if (field.value.trim()) mark(field, optionsOf(list)[0]);
      }
    } catch (error) {
      if (error.name !== "AbortError") say(field, _("The CRM could not be reached, so nothing was looked up. Press the arrow down to try again."));
    } finally {
      clearTimeout(slow);
      box.classList.remove("is-asking");
    }
  }

  const all = () => document.querySelectorAll("[data-combobox] > input[type=text]");
  const beginAll = () => all().forEach(begin);
  document.addEventListener("visited", beginAll);
  document.addEventListener("htmx:after:swap", beginAll);
  beginAll();

  document.addEventListener("focusout", (event) => {
    if (isOne(event.target)) close(event.target);
  });

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (!isOne(field)) return;
    hold(field, "", "");
    clearTimeout(timer);
    timer = setTimeout(() => ask(field), PAUSE);
  });

  // Before the form around it: Esc closes the list first.
  document.addEventListener("keydown", (event) => {
    const field = event.target;
    if (!isOne(field) || event.isComposing || event.ctrlKey || event.metaKey) return;
    const { list } = partsOf(field);
    const options = optionsOf(list);
    const at = options.findIndex((option) => option.getAttribute("aria-selected") === "true");
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (options.length === 0) ask(field);
      else mark(field, options[(at + (event.key === "ArrowDown" ? 1 : options.length - (at < 0 ? 0 : 1))) % options.length]);
    } else if (event.key === "Enter" && !list.hidden) {
      event.preventDefault();
      if (at >= 0) take(field, options[at]);
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      event.stopImmediatePropagation();
      close(field);
    }
  }, true);

  // Before the field loses focus.
  document.addEventListener("mousedown", (event) => {
    const option = event.target.closest?.(".combobox-option");
    if (!option || event.button !== 0) return;
    event.preventDefault();
    take(option.closest("[data-combobox]").querySelector("input[type=text]"), option);
  });

  document.addEventListener("locked", () => all().forEach(close));
})();
