// All behaviour of the pages: one listener per kind of event, told by data attributes what to do.
// Nothing is bound to an element, so parts that htmx brings work at once. Pages work without this file.
"use strict";

const root = document.documentElement;

// Times are shown on this clock from the next page on, the first one after a sign-in included.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
document.cookie = `zone=${zone}; Path=/; Max-Age=31536000; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;

// Messages -----------------------------------------------------------------------------------------------------

const FLASH_SECONDS = 6;
const UNDO_SECONDS = 60;
const MOST_FLASHES = 2;

// `undo` is where it is posted that what was done is taken back.
function showFlash(text, tone = "success", undo = null) {
  const template = document.querySelector(`template[data-flash="${tone}"]`);
  const flash = template.content.firstElementChild.cloneNode(true);
  flash.querySelector("span").textContent = text;
  const form = flash.querySelector("form");
  if (undo) {
    form.action = undo;
    form.elements.csrf_token.value = document.querySelector('meta[name="csrf-token"]').content;
  } else form?.remove();
  addFlash(flash);
}

// One that says the same replaces it, and so does a newer way back; of more than two the oldest leaves, a failure last.
function addFlash(flash) {
  const place = document.getElementById("flashes");
  const said = (one) => one.querySelector("span").textContent;
  for (const one of place.querySelectorAll(":scope > .flash")) {
    const isSaidAgain = one.dataset.tone === flash.dataset.tone && said(one) === said(flash);
    const isOlder = flash.querySelector("[data-undo]") && one.querySelector("[data-undo]");
    if (one !== flash && (isSaidAgain || isOlder)) one.remove();
  }
  place.append(flash);
  const shown = [...place.querySelectorAll(":scope > .flash")];
  const leaving = [...shown.filter((one) => one.dataset.tone !== "danger"), ...shown.filter((one) => one.dataset.tone === "danger")];
  for (const one of leaving.slice(0, Math.max(0, shown.length - MOST_FLASHES))) one.remove();
  fadeLater(flash);
}

// A message that reports a failure stays until it is dismissed. The time of the others runs while the page is shown, and
// stands still while somebody reads or touches them.
function fadeLater(flash) {
  if (flash.dataset.tone === "danger") return;
  let left = flash.querySelector("[data-undo]") ? UNDO_SECONDS : FLASH_SECONDS;
  const fading = setInterval(() => {
    if (!document.hidden && !flash.matches(":hover, :focus-within")) left -= 1;
    if (left > 0 && flash.isConnected) return;
    clearInterval(fading);
    flash.remove();
  }, 1000);
}

// What a press does --------------------------------------------------------------------------------------------

const presses = {
  "[data-set-theme]": (button) => {
    const theme = button.dataset.setTheme;
    const secure = location.protocol === "https:" ? "; Secure" : "";
    document.cookie = `theme=${theme}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
    root.dataset.theme = theme;
    for (const other of document.querySelectorAll("[data-set-theme]")) {
      other.setAttribute("aria-pressed", String(other.dataset.setTheme === theme));
    }
  },

  // What counts is whether it is folded now, by choice or for want of room.
  "[data-fold]": (button) => {
    const isFolded = button.closest(".sidebar").offsetWidth < 100;
    root.dataset.rail = isFolded ? "wide" : "folded";
    const form = button.closest("form");
    form.elements.sidebar_folded.value = String(!isFolded);
    fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), redirect: "manual" }).catch(() => {});
  },

  "[data-dismiss]": (button) => button.closest(button.dataset.dismiss).remove(),

  "[data-go-back]": () => history.back(),

  "[data-print]": () => print(),

  "[data-reveal]": (button) => {
    const field = document.getElementById(button.dataset.reveal);
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    const use = button.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, shown ? "#eye-off" : "#eye"));
  },

  "[data-copy]": async (button) => {
    const text = document.getElementById(button.dataset.copy).innerText.trim();
    try {
      await navigator.clipboard.writeText(text);
      showFlash(_("Copied"));
    } catch {
      showFlash(_("The browser did not allow copying: select the text and copy it yourself"), "warning");
    }
  },

  // Browsers without invoker commands open and close dialogs by the same attributes.
  "button[commandfor]": (button) => {
    if ("commandForElement" in HTMLButtonElement.prototype) return;
    const dialog = document.getElementById(button.getAttribute("commandfor"));
    if (button.getAttribute("command") === "show-modal") dialog.showModal();
    if (button.getAttribute("command") === "close") dialog.close();
  },
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(presses)) {
    const element = event.target.closest(selector);
    if (element) act(element);
  }
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
  // A press beside a dialog closes it, unless something was typed into it.
  if (event.target.matches("dialog[open]") && !event.target.querySelector("[data-changed]")) event.target.close();
});

// A menu opens to the side, and up or down, where the window has room for it; a longer one scrolls.
function placeMenu(menu) {
  const panel = menu.querySelector(":scope > .menu-panel");
  const edges = menu.querySelector("summary").getBoundingClientRect();
  const margin = 8;
  menu.removeAttribute("data-up");
  panel.style.maxBlockSize = "";
  panel.style.translate = "";
  const { width, height } = panel.getBoundingClientRect();
  const [below, above] = [innerHeight - edges.bottom, edges.top].map((room) => room - margin);
  const isUp = height > below && above > below;
  menu.toggleAttribute("data-up", isUp);
  panel.style.maxBlockSize = `${Math.max(120, isUp ? above : below) - 4}px`;
  const place = panel.getBoundingClientRect();
  if (place.left < margin && edges.left + width < innerWidth) menu.dataset.align = "start";
  else if (place.right > innerWidth - margin && edges.right - width > 0) menu.dataset.align = "end";
  // Where neither side has the room it is moved into the window.
  const aligned = panel.getBoundingClientRect();
  const shift = Math.max(margin - aligned.left, 0) || Math.min(innerWidth - margin - aligned.right, 0);
  if (shift) panel.style.translate = `${shift}px`;
}

document.addEventListener("toggle", (event) => {
  if (event.target.matches?.("details[data-menu][open]")) placeMenu(event.target);
}, true);

// One that is open when its page comes holds a form that was refused; where it opens to is known when the page stands still.
const placeOpenMenus = () => document.querySelectorAll("#content details[data-menu][open]").forEach(placeMenu);
document.addEventListener("visited", () => requestAnimationFrame(placeOpenMenus));

// Keys ---------------------------------------------------------------------------------------------------------

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  const menu = event.target.closest("details[data-menu][open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// In an open menu the arrows, Home and End walk, and a letter goes to the next item that begins with it.
const WALKS = { ArrowDown: 1, ArrowUp: -1 };

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest("details[data-menu][open]");
  if (!menu || event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
  const items = [...menu.querySelectorAll(".menu-item:not([aria-disabled])")];
  if (items.length === 0) return;
  const at = items.indexOf(document.activeElement);
  let to = null;
  if (event.key in WALKS) to = (at + WALKS[event.key] + (at < 0 && event.key === "ArrowUp" ? 1 : 0) + items.length) % items.length;
  else if (event.key === "Home") to = 0;
  else if (event.key === "End") to = items.length - 1;
  else if (event.key.length === 1 && event.key !== " ") {
    const behind = [...items.slice(at + 1), ...items.slice(0, at + 1)];
    const found = behind.find((item) => item.textContent.trim().toLowerCase().startsWith(event.key.toLowerCase()));
    to = found ? items.indexOf(found) : null;
  }
  if (to === null) return;
  event.preventDefault();
  items[to].focus();
});

// Forms --------------------------------------------------------------------------------------------------------

let unsaved = null;
let wasSent = false;

document.addEventListener("input", (event) => {
  event.target.dataset.changed = "";
  const form = event.target.closest("form[data-keep]");
  if (form) unsaved = form;
});

document.addEventListener("submit", (event) => {
  unsaved = null;
  if (event.target.method === "post") wasSent = true;
  // htmx marks its own requests, and may still ask before it sends one.
  if (event.target.method === "dialog" || event.target.matches("[hx-get], [hx-post], [hx-put], [hx-delete]")) return;
  // A second press while the first is under way would send the form twice.
  const button = event.submitter;
  if (button?.getAttribute("aria-busy") === "true") event.preventDefault();
  else if (button) beBusy(button);
});

// What takes its time (data-doing) is said in the place of the button's words and where its form says how it stands,
// which is read aloud; until it is over no other button of the form is pressed.
const wordsBefore = new Map();

function beBusy(button) {
  const doing = button.dataset.doing;
  const pressed = doing ? button.form.querySelectorAll("button[type=submit]") : [button];
  for (const one of pressed) one.setAttribute("aria-busy", "true");
  if (!doing) return;
  for (const place of [button.querySelector("span:last-child"), button.form.querySelector("[aria-live]")]) {
    if (!place) continue;
    wordsBefore.set(place, place.textContent);
    place.textContent = doing;
  }
}

function beReady() {
  for (const button of document.querySelectorAll("button[aria-busy]")) button.removeAttribute("aria-busy");
  for (const [place, words] of wordsBefore) place.textContent = words;
  wordsBefore.clear();
}

// Work that is done in pieces: the form for the next one is sent as soon as it is here, once.
function goOn() {
  const form = document.querySelector("form[data-goes-on]");
  if (!form) return;
  form.removeAttribute("data-goes-on");
  form.requestSubmit(form.querySelector("button[type=submit]"));
}

addEventListener("DOMContentLoaded", goOn);
document.addEventListener("visited", () => setTimeout(goOn));

// A page that comes back from the browser's memory is not being sent any more, and is asked for anew after it was.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  beReady();
  if (wasSent && !unsaved?.isConnected) location.reload();
});

addEventListener("beforeunload", (event) => {
  if (unsaved?.isConnected && !unsaved.hasAttribute("data-draft-kept")) event.preventDefault();
});

// A part of the page that takes the place of a form in which somebody is typing: they are asked, as they are when the
// page is left.
document.addEventListener(
  "click",
  (event) => {
    const source = event.target.closest("[hx-get]");
    if (!source || !unsaved?.isConnected || unsaved.hasAttribute("data-draft-kept") || unsaved.contains(source)) return;
    const target = source.closest("[hx-target]")?.getAttribute("hx-target");
    if (!target || !document.querySelector(target)?.contains(unsaved)) return;
    if (confirm(_("What you typed is not saved. Leave it?"))) {
      unsaved = null;
      return;
    }
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  true,
);

// htmx ---------------------------------------------------------------------------------------------------------

document.addEventListener("htmx:config:request", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token) event.detail.ctx.request.headers["X-CSRF-Token"] = token;
});

let waiting = 0;

document.addEventListener("htmx:before:request", () => {
  waiting += 1;
  setTimeout(() => root.classList.toggle("is-loading", waiting > 0), 150);
});

document.addEventListener("htmx:finally:request", (event) => {
  waiting = Math.max(0, waiting - 1);
  if (waiting === 0) root.classList.remove("is-loading");
  beReady();
  const ctx = event.detail?.ctx;
  if (!ctx) return;
  if (!ctx.response) line.sayNotDone();
  // What was not taken is still only here.
  if ((!ctx.response || ctx.response.status >= 500) && ctx.sourceElement?.matches("form[data-keep]")) unsaved = ctx.sourceElement;
});

// After a form came back with errors the reader stands at the summary of them, in the part that came.
document.addEventListener("htmx:after:swap", (event) => {
  const target = event.detail?.ctx?.target;
  const part = (target?.isConnected ? target : document.getElementById(target?.id)) ?? document;
  const summary = part.querySelector("[data-focus]") ?? document.querySelector("[data-focus]");
  if (!summary) return;
  summary.focus({ preventScroll: true });
  summary.scrollIntoView({ block: "center" });
});

document.addEventListener("flash", (event) => showFlash(event.detail.text, event.detail.tone, event.detail.undo));

for (const flash of document.querySelectorAll("#flashes > .flash")) fadeLater(flash);
// The page ends above the messages.
new ResizeObserver(([{ target }]) => root.style.setProperty("--toasts", `${target.offsetHeight}px`)).observe(document.getElementById("flashes"));
// A page begins at its top, but where something was refused.
const begun = document.querySelector("[data-focus]");
begun?.focus({ preventScroll: !begun.matches(".alert") });

// htmx begins a moment after the page: a key or a click in between would follow the link instead.
window.htmx?.process(document.body);
