// The lock in place. The server decides when a session is locked; this covers the page
// by then, so that nobody else reads it, and what was typed stays where it is.
"use strict";

const IDLE_SECONDS = 29 * 60;
const LAST_SEEN = "crm-last-seen";

const lock = document.getElementById("lock");

// Every tab counts the requests of all tabs: they share one session.
function noteRequest() {
  localStorage.setItem(LAST_SEEN, String(Date.now()));
}

function lockWhenIdle() {
  const idle = (Date.now() - Number(localStorage.getItem(LAST_SEEN) ?? 0)) / 1000;
  if (idle >= IDLE_SECONDS && !lock.open) {
    document.documentElement.classList.add("is-locked");
    document.dispatchEvent(new CustomEvent("locked"));
    lock.showModal();
    loadPasskeys();
  }
  if (idle < IDLE_SECONDS && lock.open) unlock();
}

// The lock stands on every page and is seldom seen: what asks for a passkey comes with the first one that is.
function loadPasskeys() {
  const src = lock.dataset.passkeys;
  if ([...document.scripts].some((script) => script.getAttribute("src") === src)) return;
  document.head.append(Object.assign(document.createElement("script"), { src }));
}

function unlock() {
  document.documentElement.classList.remove("is-locked");
  lock.querySelector("form").reset();
  lock.querySelector("[data-lock-error]").hidden = true;
  lock.close();
}

lock.addEventListener("cancel", (event) => event.preventDefault());
// Whatever closes dialogs does not open this lock.
lock.addEventListener("close", () => {
  if (document.documentElement.classList.contains("is-locked")) lock.showModal();
});

lock.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  event.stopPropagation();
  const form = event.target;
  const shown = lock.querySelector("[data-lock-error]");
  shown.hidden = true;
  let sentence = _("The CRM could not be reached. Check the connection and try again.");
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" });
    if (answer.type === "opaqueredirect") {
      location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
      return;
    }
    if (answer.ok) {
      noteRequest();
      unlock();
      return;
    }
    sentence = (await answer.json()).error;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
  }
  shown.textContent = sentence;
  shown.hidden = false;
});

document.addEventListener("unlocked", () => {
  noteRequest();
  unlock();
});
document.addEventListener("htmx:finally:request", noteRequest);
document.addEventListener("asked", noteRequest);
document.addEventListener("visibilitychange", lockWhenIdle);
noteRequest();
setInterval(lockWhenIdle, 5000);
