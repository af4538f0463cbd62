// What is typed into a form[data-draft] is kept on the server two seconds after the last key. A line that drops loses
// nothing: it is tried again until it is kept.
"use strict";

const DRAFT_AFTER = 2000;
const DRAFT_AGAIN = 5000;
const DRAFT_PATIENCE = 10000;
const draftTimers = new WeakMap();
const draftsUnderWay = new WeakMap();

function draftState(form, text) {
  const place = form.querySelector("[data-draft-state]");
  if (place && place.textContent !== text) place.textContent = text;
}

function stopDraft(form) {
  clearTimeout(draftTimers.get(form));
  draftTimers.delete(form);
}

function keepDraft(form) {
  stopDraft(form);
  const sending = sendDraft(form).finally(() => {
    if (draftsUnderWay.get(form) === sending) draftsUnderWay.delete(form);
  });
  draftsUnderWay.set(form, sending);
}

async function sendDraft(form) {
  const body = new URLSearchParams(new FormData(form));
  const signal = AbortSignal.timeout(DRAFT_PATIENCE);
  let status = 0;
  try {
    status = (await fetch(form.dataset.draft, { method: "POST", body, redirect: "manual", signal })).status;
  } catch {
    status = 503;
    document.dispatchEvent(new CustomEvent("unreachable"));
  }
  // Typed on, or sent, while it was under way: what comes after says how it stands.
  if (draftTimers.has(form) || !form.isConnected) return;
  if (status === 204) {
    form.setAttribute("data-draft-kept", "");
    const now = new Date();
    const time = `${String(now.getHours()).padStart(2, "0")}:${String(now.getMinutes()).padStart(2, "0")}`;
    draftState(form, _("Kept at %(time)s", { time }));
  } else if (status >= 500 || status === 429) {
    draftState(form, _("Not kept yet: the CRM cannot be reached. It is tried again."));
    draftTimers.set(form, setTimeout(() => form.isConnected && keepDraft(form), DRAFT_AGAIN));
  } else {
    draftState(form, _("The CRM does not keep this while it is typed. Save it before you leave the page."));
  }
}

document.addEventListener("input", (event) => {
  const form = event.target.closest("form[data-draft]");
  if (!form) return;
  form.removeAttribute("data-draft-kept");
  clearTimeout(draftTimers.get(form));
  draftTimers.set(form, setTimeout(() => keepDraft(form), DRAFT_AFTER));
});

// What is thrown away is not kept after that.
document.addEventListener("submit", (event) => {
  if (event.target.id === "discard-draft") stopDraft(event.target.parentElement.querySelector("form[data-draft]"));
}, true);

// A draft that arrives behind the call or the note itself would come back as if that were not sent: what is under way
// is waited for, and what waits is not sent any more.
document.addEventListener(
  "submit",
  (event) => {
    const form = event.target.closest("form[data-draft]");
    if (!form) return;
    stopDraft(form);
    const sending = draftsUnderWay.get(form);
    if (!sending) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const submitter = event.submitter;
    sending.then(() => {
      stopDraft(form);
      form.requestSubmit(submitter?.isConnected ? submitter : null);
    });
  },
  true,
);
