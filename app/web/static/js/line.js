// The line to the CRM. While it is down a banner says so, what is typed stays, and nothing leaves the page: its writer
// sends it again. While an answer is slow its place shows the shape of what comes, without moving anything.
"use strict";

const line = (() => {
  const ASK_AGAIN = 3000;
  const SKELETON_AFTER = 200;
  const banner = document.getElementById("offline");
  let timer = null;

  function down() {
    if (!banner.hidden) return;
    banner.hidden = false;
    timer = setTimeout(ask, ASK_AGAIN);
  }

  function up() {
    clearTimeout(timer);
    if (banner.hidden) return;
    banner.hidden = true;
    for (const flash of document.querySelectorAll("#flashes > [data-unreachable]")) flash.remove();
    showFlash(_("The CRM can be reached again. What was not sent can be sent now."));
  }

  async function ask() {
    clearTimeout(timer);
    try {
      const answer = await fetch("/health", { cache: "no-store", signal: AbortSignal.timeout(ASK_AGAIN) });
      if (answer.ok) {
        up();
        return;
      }
    } catch {
      // Still down.
    }
    timer = setTimeout(ask, ASK_AGAIN);
  }

  function say(sentence) {
    for (const flash of document.querySelectorAll("#flashes > [data-unreachable]")) flash.remove();
    showFlash(sentence, "danger");
    document.getElementById("flashes").lastElementChild.dataset.unreachable = "";
    down();
  }

  const sayNotSent = () =>
    say(_("The CRM could not be reached. What you typed is still here: check the connection and send it again."));
  const sayStillHere = () =>
    say(_("The CRM could not be reached. You are still where you were: check the connection and try again."));

  const sayNotDone = () =>
    say(_("The CRM could not be reached; nothing was saved. Check the connection and try again."));

  // An empty place shows a skeleton, another one keeps what it has and is busy. Gives what ends it.
  function wait(place, { after = SKELETON_AFTER, isEmpty = !place.hasChildNodes(), panel } = {}) {
    const begin = setTimeout(() => {
      place.setAttribute("aria-busy", "true");
      if (isEmpty) place.replaceChildren(document.querySelector("template[data-skeleton]").content.cloneNode(true));
      if (panel) panel.hidden = false;
    }, after);
    return () => {
      clearTimeout(begin);
      place.removeAttribute("aria-busy");
      place.querySelector(":scope > .skeletons")?.remove();
    };
  }

  const arrivals = new WeakMap();
  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    const place = typeof ctx.target === "string" ? document.querySelector(ctx.target) : ctx.target;
    if (place) arrivals.set(ctx, wait(place));
  });
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    arrivals.get(ctx)?.();
    if (ctx.response) up();
    else down();
  });

  addEventListener("offline", down);
  addEventListener("online", ask);
  document.addEventListener("asked", up);
  document.addEventListener("unreachable", down);
  if (!navigator.onLine) down();

  // Without a connection the browser would put its own page in the place of ours, and what was typed would be gone.
  document.addEventListener(
    "submit",
    (event) => {
      if (navigator.onLine || event.target.method === "dialog" || event.target.closest("#lock, #palette")) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      sayNotSent();
    },
    true,
  );
  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest("a[href]:not([hx-get])");
      if (navigator.onLine || !link || link.getAttribute("href").startsWith("#")) return;
      event.preventDefault();
      sayStillHere();
    },
    true,
  );

  return { sayNotDone, sayNotSent, sayStillHere, wait };
})();
