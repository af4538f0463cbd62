// Lists: rows are selected by keys, and a toast undoes.
// Without this file boxes are ticked one by one, and undo is a button.
"use strict";

(() => {
  // Selection --------------------------------------------------------------------------------------------------

  const boxes = () => [...document.querySelectorAll("#list-rows .list-pick")];
  let last = null;
  let isShift = false;

  function count() {
    const all = boxes();
    const picked = all.filter((box) => box.checked).length;
    const said = document.querySelector("[data-picked]");
    const fitting = document.querySelector("[data-pick-fitting]");
    if (fitting && !picked) fitting.checked = false;
    const meant = fitting?.checked ? Number(fitting.value) : picked;
    const number = { count: meant.toLocaleString(root.lang) };
    if (said) said.textContent = _("%(count)s selected", number);
    const doing = { assign: _("Assigning %(count)s …", number), move: _("Moving %(count)s …", number) };
    for (const button of document.querySelectorAll("#bulk [name=do]")) button.dataset.doing = doing[button.value];
    const head = document.querySelector("[data-pick-all]");
    if (!head) return;
    head.checked = picked > 0 && picked === all.length;
    head.indeterminate = picked > 0 && picked < all.length;
  }

  // From the one that was ticked before to this one, all become as this one is.
  function pick(box, isRange) {
    const all = boxes();
    const [from, to] = [all.indexOf(last), all.indexOf(box)];
    if (isRange && from >= 0) {
      for (const one of all.slice(Math.min(from, to), Math.max(from, to) + 1)) one.checked = box.checked;
    }
    last = box;
    count();
  }

  function pickRow() {
    const box = document.activeElement?.closest("#list-rows tr")?.querySelector(".list-pick");
    if (!box) return false;
    box.checked = isShift || !box.checked;
    pick(box, isShift);
    return true;
  }

  // One tab stop a row: the box is reached by X.
  function settle() {
    for (const box of boxes()) box.tabIndex = -1;
    count();
  }

  document.addEventListener("keydown", (event) => (isShift = event.shiftKey), true);
  document.addEventListener("click", (event) => {
    if (event.target.matches("#list-rows .list-pick")) pick(event.target, event.shiftKey);
    if (event.target.matches("[data-pick-all]")) {
      for (const box of boxes()) box.checked = event.target.checked;
      count();
    }
    if (event.target.matches("[data-pick-fitting]")) count();
    if (event.target.closest("[data-pick-none]")) {
      for (const box of boxes()) box.checked = false;
      count();
    }
  });
  document.addEventListener("rows", settle);
  addEventListener("pageshow", settle);

  // Undo -------------------------------------------------------------------------------------------------------

  function press(selector) {
    const found = document.querySelector(selector);
    if (!found?.checkVisibility()) return false;
    if (found.matches("select, input")) found.focus();
    else found.click();
    return true;
  }

  // What was decided in a row is told once, and the row stays where it is.
  document.addEventListener("htmx:after:swap", () => {
    for (const row of document.querySelectorAll("#list-rows [data-said]")) {
      showFlash(row.dataset.said, "success", row.dataset.undoAt);
      for (const name of ["data-said", "data-undo-at", "data-focus"]) row.removeAttribute(name);
    }
  });

  // What was done last is undone first.
  function undo() {
    const last = [...document.querySelectorAll("#flashes [data-undo]")].at(-1);
    last?.click();
    return Boolean(last);
  }

  keys.table.push(
    { keys: "x", says: _("Select the row; with Shift all from the last one"), act: pickRow, group: _("In a list") },
    { keys: "a", says: _("Assign the selected"), act: () => press("[data-assign]"), group: _("In a list") },
    { keys: "z", says: _("Undo what was just done"), act: undo, group: _("In a list") },
  );
  document.addEventListener("visited", () => {
    last = null;
    settle();
  });
  settle();
})();
