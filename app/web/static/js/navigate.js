// Links and forms lead into <main>, while the frame stays: a dead connection leaves the page and what was typed. Back
// shows the page that was kept in memory, with its scroll and focus. Nothing of it is stored in the browser, and all of
// it is forgotten at lock and sign-out. Where this cannot serve, the browser navigates as it always does.
"use strict";

const pages = (() => {
  const SLOW = 150;
  const SKELETON_AFTER = 400;
  const MOST_KEPT = 12;
  const kept = new Map();
  let at = history.state?.at ?? crypto.randomUUID();
  let asking = null;
  let path = location.pathname + location.search;

  if (!document.querySelector(".frame")) return { visit: (url) => location.assign(url) };
  history.replaceState({ ...history.state, at }, "");
  history.scrollRestoration = "manual";

  const PLAIN = /^\/(static|docs|redoc|openapi\.json|api|sign-|unlock|_gallery)/;
  const main = () => document.getElementById("content");
  const isPlain = (element) => element.closest("[data-plain], [hx-get], [hx-post], #lock");

  function keep() {
    const focused = document.activeElement;
    const place = main();
    closeMenus(place);
    kept.delete(at);
    kept.set(at, {
      place,
      title: document.title,
      scroll: scrollY,
      focus: place.contains(focused) ? focused : null,
      path,
    });
    for (const old of [...kept.keys()].slice(0, -MOST_KEPT)) kept.delete(old);
  }

  // One in which something was typed stays as it is.
  function closeMenus(place) {
    for (const menu of place.querySelectorAll("details[data-menu][open]")) {
      if (!menu.querySelector("[data-changed]")) menu.open = false;
    }
  }

  // What was kept of a record may not be so any more once something was sent: Back asks for it anew. A list stays as it
  // was, and so does what somebody has typed and sent nowhere.
  const isToBeAsked = (place, sent) =>
    !place.querySelector("[data-rows]") &&
    ![...place.querySelectorAll("form[data-keep]:not([data-draft-kept]) [data-changed]")].some((field) => field.form !== sent);

  function forgetAfter(sent) {
    for (const [key, { place }] of [...kept]) if (isToBeAsked(place, sent)) kept.delete(key);
  }

  function markCurrent(path) {
    const address = new URL(path, location.href).pathname;
    for (const nav of document.querySelectorAll(".sidebar nav, .phone-bar, .drawer")) {
      const links = [...nav.querySelectorAll("a[href]")];
      const fits = (href) => address === href || (href !== "/" && address.startsWith(`${href}/`));
      const hrefs = links.map((link) => link.getAttribute("href")).filter(fits);
      const nearest = hrefs.sort((one, other) => other.length - one.length)[0];
      for (const link of links) {
        if (link.getAttribute("href") === nearest) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
    }
  }

  // What the answer says of the frame: titles, counts, the account's choices, the token of its forms.
  function takeFrame(next, taken, isElsewhere) {
    document.title = next.title;
    for (const selector of [".sidebar nav", ".phone-bar", ".drawer", 'meta[name="csrf-token"]']) {
      const [ours, theirs] = [document.querySelector(selector), next.querySelector(selector)];
      if (ours && theirs && !ours.isEqualNode(theirs)) ours.replaceWith(document.adoptNode(theirs));
    }
    for (const name of ["density", "shortcuts"]) {
      const value = next.documentElement.dataset[name];
      if (value === undefined) delete root.dataset[name];
      else root.dataset[name] = value;
    }
    // What was said of the page before does not stand beside this one, and its way back neither.
    for (const flash of document.querySelectorAll("#flashes > .flash")) {
      if (isElsewhere || !flash.querySelector("[data-undo]") || taken.includes(flash)) flash.remove();
    }
    for (const flash of next.querySelectorAll("#flashes > .flash")) {
      const shown = document.adoptNode(flash);
      addFlash(shown);
    }
  }

  function changed(act) {
    const isStill = matchMedia("(prefers-reduced-motion: reduce)").matches;
    if (!document.startViewTransition || isStill || document.hidden) act();
    else document.startViewTransition(act);
  }

  function show(place) {
    for (const open of document.querySelectorAll("dialog[open]:not(#lock)")) open.close();
    document.querySelector(".drawer:popover-open")?.hidePopover();
    closeMenus(document);
    main().replaceWith(place);
    unsaved = null;
    document.dispatchEvent(new CustomEvent("visited"));
  }

  function arrive(next, address, { isPushed, isReturned, sent }) {
    keep();
    if (sent) forgetAfter(sent);
    const isElsewhere = new URL(address).pathname !== new URL(path, location.href).pathname;
    // A way back that was taken with this answer; with a transition the page changes when no button is busy any more.
    const taken = [...document.querySelectorAll("#flashes > .flash:has([data-undo][aria-busy=true])")];
    changed(() => {
      // What was said before does not stand beside a form that was refused.
      takeFrame(next, taken, isElsewhere || isReturned);
      addFiles(next);
      const place = document.adoptNode(next.getElementById("content"));
      show(place);
      globalThis.htmx?.process(place);
      if (isPushed) {
        at = crypto.randomUUID();
        history.pushState({ at }, "", address);
      } else {
        kept.delete(at);
        history.replaceState({ at }, "", address);
      }
      path = location.pathname + location.search;
      // What was refused is read first, wherever on the page it stands; every other page begins at its top.
      const focus = place.querySelector("[data-focus], [autofocus], .alert[role=alert]") ?? place.querySelector("h1") ?? place;
      if (!focus.matches("a, button, input, textarea, select, [tabindex]")) focus.setAttribute("tabindex", "-1");
      focus.focus({ preventScroll: true });
      const target = location.hash ? document.getElementById(location.hash.slice(1)) : null;
      if (target) target.scrollIntoView();
      else if (isReturned && focus.matches("[data-focus], .alert")) focus.scrollIntoView({ block: "center" });
      else scrollTo(0, 0);
    });
  }

  const address = (file) => file.getAttribute("src") ?? file.getAttribute("href");
  const filesOf = (page) => [...page.querySelectorAll("head script[src], head link[rel=stylesheet]")];

  // A newer version of the CRM is loaded whole, and so is a page in another language.
  function isNewer(next) {
    if (next.documentElement.lang !== root.lang) return true;
    const versions = (page) => new Map(filesOf(page).map((file) => address(file).split("?")).map(([name, version]) => [name, version]));
    const ours = versions(document);
    return [...versions(next)].some(([name, version]) => ours.has(name) && ours.get(name) !== version);
  }

  // The files of a page's own that are not here yet.
  function addFiles(next) {
    const ours = new Set(filesOf(document).map(address));
    for (const file of filesOf(next).filter((one) => !ours.has(address(one)))) {
      const added = document.createElement(file.localName);
      for (const { name, value } of file.attributes) added.setAttribute(name, value);
      document.head.append(added);
    }
  }

  async function load(url, { method = "GET", body, form, isPushed = true } = {}) {
    asking?.abort();
    const mine = (asking = new AbortController());
    const slow = setTimeout(() => root.classList.add("is-loading"), SLOW);
    // A form stays to be seen while it is sent.
    const arrived = form ? () => {} : line.wait(main(), { after: SKELETON_AFTER, isEmpty: false });
    try {
      const answer = await fetch(url, { method, body, signal: mine.signal, headers: { Accept: "text/html" } });
      const isPage = (answer.headers.get("content-type") ?? "").startsWith("text/html");
      const wasSent = method !== "GET" && !answer.redirected;
      if (!isPage) {
        answer.body?.cancel();
        if (!wasSent) location.assign(answer.url);
        return;
      }
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (mine !== asking) return;
      document.dispatchEvent(new CustomEvent("asked"));
      if (!next.querySelector(".frame") || !next.getElementById("content")) {
        if (wasSent) showFlash(next.querySelector("h1")?.textContent ?? _("This did not work."), "danger");
        else location.assign(answer.url);
        return;
      }
      if (!wasSent && isNewer(next)) {
        location.assign(answer.url);
        return;
      }
      // A form that comes back stands at the address of the page it was on; a list that answers a form says its own.
      const ofList = wasSent ? next.querySelector("[data-list-address]")?.dataset.listAddress : undefined;
      const shown = ofList ? new URL(ofList, location.href).href : answer.url + new URL(url, location.href).hash;
      const address = wasSent && !answer.ok ? location.href : shown;
      const isSame = new URL(address).pathname + new URL(address).search === path;
      arrived();
      const sent = method !== "GET" && !wasSent ? form : undefined;
      // Back does not lead into a form that was done with, where it could be sent once more.
      const isDone = sent && location.pathname.replace(/\/new$/, "") === new URL(url).pathname;
      arrive(next, address, { isPushed: isPushed && !isSame && !isDone, isReturned: wasSent, sent });
    } catch (error) {
      if (error.name === "AbortError") return;
      if (form) {
        if (form.matches("[data-keep]")) unsaved = form;
        line.sayNotSent();
      } else if (!isPushed) location.reload();
      else line.sayStillHere();
    } finally {
      clearTimeout(slow);
      arrived();
      if (mine === asking) {
        asking = null;
        root.classList.remove("is-loading");
        beReady();
      }
    }
  }

  function visit(href) {
    load(new URL(href, location.href).href);
  }

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest("a[href]");
    if (!link || link.target || link.hasAttribute("download") || isPlain(link)) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || PLAIN.test(url.pathname)) return;
    if (url.hash && url.pathname + url.search === location.pathname + location.search) return;
    // Something is being written: the browser asks before it goes.
    if (unsaved?.isConnected) return;
    event.preventDefault();
    load(url.href);
  });

  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method === "dialog" || isPlain(form)) return;
    const url = new URL(event.submitter?.getAttribute("formaction") ?? form.getAttribute("action") ?? location.href, location.href);
    if (url.origin !== location.origin || PLAIN.test(url.pathname)) {
      kept.clear();
      return;
    }
    const fields = new FormData(form, event.submitter);
    event.preventDefault();
    if (form.method === "get") {
      url.search = new URLSearchParams(fields);
      load(url.href);
    } else {
      const body = form.enctype === "multipart/form-data" ? fields : new URLSearchParams(fields);
      load(url.href, { method: "POST", body, form });
    }
  });

  addEventListener("popstate", (event) => {
    const asked = location.pathname + location.search;
    if (!event.state?.at) {
      // A place within the page.
      if (asked === path) history.replaceState({ at }, "");
      else load(location.href, { isPushed: false });
      return;
    }
    asking?.abort();
    keep();
    at = event.state.at;
    path = asked;
    const entry = kept.get(at);
    if (!entry) {
      load(location.href, { isPushed: false });
      return;
    }
    // What is sent from here now is meant anew, and is not what was sent from here before.
    const token = document.querySelector('meta[name="csrf-token"]').content;
    for (const field of entry.place.querySelectorAll('input[name="csrf_token"]')) field.value = token;
    changed(() => {
      for (const flash of document.querySelectorAll("#flashes > .flash")) flash.remove();
      show(entry.place);
      document.title = entry.title;
      markCurrent(entry.path);
      scrollTo(0, entry.scroll);
      entry.focus?.focus({ preventScroll: true });
    });
  });

  // A part of the page that was sent by itself counts as well.
  document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
    if (ctx.request.method !== "GET" && ctx.response?.status < 400) forgetAfter(ctx.sourceElement);
  });

  document.addEventListener("locked", () => kept.clear());

  return { visit, kept };
})();
