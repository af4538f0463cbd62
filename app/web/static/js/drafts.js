// What is typed into a form[data-draft] is kept on the server two seconds after the last key. A line that drops loses
// nothing: it is tried again until it is kept.
"use strict";

const DRAFT_AFTER = 2000;
const DRAFT_AGAIN = 5000;
const draftTimers = new WeakMap();

function draftState(form, text) {
  const place = form.querySelector("[data-draft-state]");
  if (place && place.textContent !== text) place.textContent = text;
}

async function keepDraft(form) {
  clearTimeout(draftTimers.get(form));
  draftTimers.delete(form);
  const sent = new URLSearchParams(new FormData(form));
  try {
    const answer = await fetch(form.dataset.draft, { method: "POST", body: sent, redirect: "manual" });
    if (answer.status !== 204) throw new Error(String(answer.status));
  } catch {
    draftState(form, "Not kept yet: the CRM cannot be reached. It is tried again.");
    draftTimers.set(form, setTimeout(() => form.isConnected && keepDraft(form), DRAFT_AGAIN));
    return;
  }
  // Typed on while it was under way: that is kept by the timer that is set.
  if (draftTimers.has(form)) return;
  form.setAttribute("data-draft-kept", "");
  const now = new Date();
  draftState(form, `Kept at ${String(now.getHours()).padStart(2, "0")}:${String(now.getMinutes()).padStart(2, "0")}`);
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form) return;
  form.removeAttribute("data-draft-kept");
  clearTimeout(draftTimers.get(form));
  draftTimers.set(form, setTimeout(() => keepDraft(form), DRAFT_AFTER));
});

// What is being sent needs no draft any more; a draft that arrived later would come back as if it were not sent.
document.addEventListener("submit", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form) return;
  clearTimeout(draftTimers.get(form));
  draftTimers.delete(form);
});
