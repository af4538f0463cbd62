// Esc leaves the form of a fact as it was.
"use strict";

document.addEventListener("keydown", (event) => {
  const form = event.target.closest("[data-fact-form]");
  if (event.key !== "Escape" || !form) return;
  event.preventDefault();
  form.querySelector("[data-cancel]").click();
});
