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
}

setInterval(tick, 1000);

document.addEventListener("htmx:after:swap", () => {
  const form = dock();
  if (!form) return;
  tick();
  if (!form.contains(document.activeElement) && !form.querySelector("[data-focus]")) {
    form.querySelector("input[type=radio]:checked, input[type=radio]")?.focus();
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

// How long somebody was spoken to is known from the timer, unless another number was typed.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target.closest("#dock [data-call]");
    const minutes = form?.elements.call_duration_minutes;
    const reached = form?.elements.outcome?.value === "reached";
    if (!minutes || minutes.value || !reached) return;
    const began = Date.parse(form.querySelector("[data-began]").value);
    if (began) minutes.value = String(Math.max(1, Math.round((Date.now() - began) / 60000)));
  },
  true,
);
