// The keys of the workspace, all in one table: what binds them prints them (`?`). Keys of one letter are silent while
// somebody types, under a dialog, and where the account has switched them off.
"use strict";

const keys = (() => {
  const press = (selector) => () => {
    const found = [...document.querySelectorAll(selector)].find((element) => element.checkVisibility());
    if (!found) return false;
    if (found.matches("input, textarea, [data-one-of]")) found.focus();
    else found.click();
    return true;
  };
  const onRecord = (...selectors) => press(selectors.map((selector) => `#content[data-kind="record"] ${selector}`).join(", "));
  const open = (ending) => onRecord(`a[href$="${ending}"]`);
  // On a phone the sidebar is not seen, and its link leads there all the same.
  const go = (href) => () => {
    const link = document.querySelector(`.sidebar a[href="${href}"]`);
    link?.click();
    return Boolean(link);
  };

  function walk(step, isArrow) {
    const links = [...document.querySelectorAll("[data-rows] .row-link")];
    const at = links.indexOf(document.activeElement);
    if (links.length === 0 || (at < 0 && isArrow)) return false;
    const next = links[Math.min(links.length - 1, Math.max(0, at + step))];
    next.focus();
    next.dispatchEvent(new CustomEvent("walked", { bubbles: true }));
    return true;
  }

  function find() {
    const ofList = document.querySelector("[data-list-search]");
    if (!ofList) {
      palette.open();
      return true;
    }
    ofList.focus();
    ofList.select();
    return true;
  }

  // The menu of the first journey that moves on, and of the next one at each further press; else the moves of the lead.
  function move() {
    const menus = [...document.querySelectorAll('#content[data-kind="record"] details[data-move]:has(.menu-item[href])')];
    const next = menus[(menus.findIndex((menu) => menu.open) + 1) % menus.length];
    for (const menu of menus) menu.open = menu === next;
    const first = next?.querySelector(".menu-item[href]") ?? document.querySelector("#content [data-moves] a");
    first?.focus();
    return Boolean(first);
  }

  // The record before or after this one in the list that one came from, which is kept while records are walked through.
  function neighbour(step) {
    if (!document.querySelector('#content[data-kind="record"]')) return false;
    for (const [key, entry] of [...(pages.kept ?? [])].reverse()) {
      const paths = [...entry.place.querySelectorAll("[data-rows] .row-link")].map((link) => link.pathname);
      const to = paths.includes(location.pathname) ? paths[paths.indexOf(location.pathname) + step] : undefined;
      if (to === undefined) continue;
      pages.kept.delete(key);
      pages.kept.set(key, entry);
      pages.visit(to);
      return true;
    }
    return false;
  }

  function edit() {
    const first = document.querySelector("#content [data-edit]");
    first?.focus();
    return Boolean(first);
  }

  function saveView() {
    const menu = document.querySelector("[data-save-view]")?.closest("details");
    if (!menu) return false;
    menu.open = true;
    menu.querySelector("input[name=name]").focus();
    return true;
  }

  // An act answers false where it finds nothing to do. `always`: not a key of
  // one letter, so it works while somebody types and where those are switched off.
  const table = [
    { keys: "Ctrl K", says: _("Search everywhere"), act: () => palette.open() ?? true, group: _("Everywhere"), always: true },
    { keys: "/", says: _("Find in this list, else everywhere"), act: find, group: _("Everywhere") },
    { keys: "?", says: _("Show the keys"), act: show, group: _("Everywhere") },
    { keys: "\\", says: _("Fold or unfold the sidebar"), act: press("[data-fold]"), group: _("Everywhere") },
    { keys: "Ctrl Enter", says: _("Save what one is writing"), act: save, group: _("Everywhere"), always: true },
    { keys: "Escape", says: _("Close the menu, panel or window that is open"), group: _("Everywhere"), always: true },
    { keys: "g t", says: _("Today"), act: go("/today"), place: "/today", group: _("Go to") },
    { keys: "g l", says: _("Leads"), act: go("/leads"), place: "/leads", group: _("Go to") },
    { keys: "g p", says: _("Patients"), act: go("/patients"), place: "/patients", group: _("Go to") },
    { keys: "g c", says: _("Calls"), act: go("/calls"), place: "/calls", group: _("Go to") },
    { keys: "g k", says: _("Tasks"), act: go("/tasks"), place: "/tasks", group: _("Go to") },
    { keys: "g j", says: _("Journeys"), act: go("/journeys"), place: "/journeys", group: _("Go to") },
    { keys: "g d", says: _("Dashboard"), act: go("/dashboard"), place: "/dashboard", group: _("Go to") },
    { keys: "j", says: _("Next row"), act: () => walk(1), group: _("In a list") },
    { keys: "k", says: _("Row before"), act: () => walk(-1), group: _("In a list") },
    { keys: "ArrowDown", act: () => walk(1, true) },
    { keys: "ArrowUp", act: () => walk(-1, true) },
    { keys: "Enter", says: _("Open the row"), group: _("In a list") },
    { keys: " ", says: _("Peek at the row, and leave it again"), act: () => peek.toggle(), group: _("In a list") },
    { keys: "f", says: _("Filter"), act: press(".list-tools details > summary"), group: _("In a list") },
    { keys: "s", says: _("Save this view of the list"), act: saveView, group: _("In a list") },
    { keys: "[", says: _("Day or week before, in the agenda"), act: press("[data-before]"), group: _("In a list") },
    { keys: "]", says: _("Day or week after, in the agenda"), act: press("[data-after]"), group: _("In a list") },
    { keys: "c", says: _("Log a call"), act: onRecord('a[href$="/calls/new"]', "[data-log]"), group: _("On a record") },
    { keys: "b", says: _("Book a call"), act: open("/bookings/new"), group: _("On a record") },
    { keys: "n", says: _("Write a note"), act: onRecord(".composer textarea"), group: _("On a record") },
    { keys: "t", says: _("New task"), act: () => open("/tasks/new")() || press("[data-today]")(), group: _("On a record") },
    { keys: "m", says: _("Move on"), act: move, group: _("On a record") },
    { keys: "v", says: _("Convert the lead"), act: open("/convert"), group: _("On a record") },
    { keys: "e", says: _("Go to the facts, to change one"), act: edit, group: _("On a record") },
    { keys: "[", says: _("Record before, in the list one came from"), act: () => neighbour(-1), group: _("On a record") },
    { keys: "]", says: _("Record after, in the list one came from"), act: () => neighbour(1), group: _("On a record") },
    { keys: "]", says: _("Next pair of duplicates"), act: press("[data-next-pair]"), group: _("On a record") },
    { keys: "1", says: _("Outcome of the call, by the number beside it"), group: _("On a record") },
  ];

  const isTyping = (element) => element.matches("input, textarea, select, [contenteditable], [role=option]");
  const areOn = () => document.documentElement.dataset.shortcuts !== "off";
  let before = "";
  let timer = null;

  // The form one is in; where one is in none, the only one of the page.
  function save() {
    const all = document.querySelectorAll("form[data-keep]");
    const form = document.activeElement?.closest("form[data-keep]") ?? (all.length === 1 ? all[0] : null);
    form?.requestSubmit();
    return Boolean(form);
  }

  function named(event) {
    const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    return event.ctrlKey || event.metaKey ? `Ctrl ${name === "Enter" ? name : name.toUpperCase()}` : name;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.altKey || event.isComposing) return;
    const name = named(event);
    const together = before ? `${before} ${name}` : name;
    before = "";
    clearTimeout(timer);
    const isSilent = isTyping(event.target) || document.querySelector("dialog[open]") || !areOn();
    // A key may have several meanings, by the page that is open.
    const entries = table.filter((one) => one.keys === together && one.act && (one.always || !isSilent));
    if (entries.length > 0) {
      if (entries.some((one) => one.act() !== false)) event.preventDefault();
      return;
    }
    if (!isSilent && table.some((one) => one.keys.startsWith(`${name} `))) {
      before = name;
      timer = setTimeout(() => (before = ""), 1500);
    }
  });

  // A role goes to its own places.
  const isThere = (entry) => !entry.place || Boolean(document.querySelector(`.sidebar a[href="${entry.place}"]`));
  const SYMBOLS = { ArrowDown: "↓", ArrowUp: "↑", Escape: "Esc" };

  function show() {
    const place = document.querySelector("[data-keys]");
    const groups = [...new Set(table.map((one) => one.group).filter(Boolean))];
    place.replaceChildren(
      ...groups.map((group) => {
        const section = document.createElement("section");
        const title = document.createElement("h3");
        title.textContent = group;
        const list = document.createElement("dl");
        for (const one of table.filter((entry) => entry.group === group && isThere(entry))) {
          const row = document.createElement("div");
          const key = document.createElement("dt");
          for (const part of one.keys === " " ? [_("Space")] : one.keys.split(" ")) {
            const shown = document.createElement("kbd");
            shown.className = "kbd";
            shown.textContent = SYMBOLS[part] ?? (part.length === 1 ? part.toUpperCase() : part);
            key.append(shown, " ");
          }
          const does = document.createElement("dd");
          does.textContent = one.says;
          row.append(key, does);
          list.append(row);
        }
        section.append(title, list);
        return section;
      }),
    );
    document.getElementById("keys").showModal();
    return true;
  }

  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-show-keys]")) show();
  });

  return { table };
})();
