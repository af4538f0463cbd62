// The keys of a record page: E goes to the first fact that can be edited, Esc leaves a form as it was.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const form = event.target.closest("[data-fact-form]");
  if (event.key === "Escape" && form) {
    event.preventDefault();
    form.querySelector("[data-cancel]").click();
  }
  if (event.key === "e" && !event.target.matches("input, textarea, select, [contenteditable]")) {
    const first = document.querySelector(".fact-edit");
    if (!first) return;
    event.preventDefault();
    first.focus();
  }
});
