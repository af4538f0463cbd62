// The panel of a call: a timer, an outcome by its number, minutes filled in, closed without losing a word.
"use strict";

const dock = () => document.querySelector("#dock [data-call]");
const callForm = () => dock() ?? document.querySelector("form[data-call]");
const isField = (element) => element.matches("input:not([type=radio], [type=checkbox]), textarea, select");

function tick() {
  const form = dock();
  const shown = document.querySelector("#dock [data-timer]");
  if (!form || !shown) return;
  const began = form.querySelector("[data-began]");
  if (!began.value) began.value = new Date().toISOString();
  const seconds = Math.max(0, Math.floor((Date.now() - Date.parse(began.value)) / 1000)) || 0;
  const two = (number) => String(number).padStart(2, "0");
  shown.textContent = `${two(Math.floor(seconds / 60))}:${two(seconds % 60)}`;
  const minutes = form.elements.call_duration_minutes;
  if (!minutes || minutes.hasAttribute("data-typed")) return;
  minutes.value = form.elements.outcome?.value === "reached" ? String(Math.max(1, Math.round(seconds / 60))) : "";
}

setInterval(tick, 1000);

document.addEventListener("htmx:after:swap", () => {
  const form = dock();
  if (!form) return;
  form.elements.call_duration_minutes?.toggleAttribute("data-typed", Boolean(form.elements.call_duration_minutes.value));
  tick();
  if (!form.contains(document.activeElement) && !form.querySelector("[data-focus]")) {
    const isAsked = form.querySelector("[name=booked]") && !form.querySelector("[name=booked]:checked");
    form.querySelector(isAsked ? "[name=booked]" : "[name=outcome]:checked, [name=outcome]")?.focus();
  }
});

document.addEventListener("click", (event) => {
  if (event.target.closest("[data-dock-close]")) closeDock();
});

function closeDock() {
  const form = dock();
  if (form?.querySelector("[data-changed]")) keepDraft(form);
  document.getElementById("dock").replaceChildren();
  document.querySelector("[data-dock-open]")?.focus();
}

document.addEventListener("keydown", (event) => {
  const form = callForm();
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (!form) return;
  if (event.key === "Escape" && document.getElementById("dock").contains(event.target)) {
    event.preventDefault();
    closeDock();
  }
  const isMeant = document.documentElement.dataset.shortcuts !== "off" || form.contains(event.target);
  const tile = isField(event.target) || !isMeant ? null : form.querySelector(`[data-key="${CSS.escape(event.key)}"]`);
  if (tile) {
    event.preventDefault();
    tile.checked = true;
    tile.focus();
    tile.dispatchEvent(new Event("input", { bubbles: true }));
  }
});

// How long somebody was spoken to is known from the timer; it is seen before it is saved, and what is typed stays.
document.addEventListener("input", (event) => {
  const form = event.target.closest("#dock [data-call]");
  // The time that a tick opens may lie below the bar with the buttons.
  if (event.target.name === "book_next" && event.target.checked) {
    event.target.form.elements.next_attempt.scrollIntoView({ block: "center" });
  }
  if (event.target.name === "call_duration_minutes") event.target.toggleAttribute("data-typed", Boolean(event.target.value));
  else if (form) tick();
});

document.addEventListener("submit", (event) => event.target.closest("#dock [data-call]") && tick(), true);
