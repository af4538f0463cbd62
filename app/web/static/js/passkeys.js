// Passkeys: asks the browser for one and sends its answer. A button's place says by data attributes what for:
// data-passkey is the address that takes the answer (its options come from <address>/options), data-passkey-kind is
// "create" for a new passkey, else one is asked for.
"use strict";

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
const toText = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

async function send(address, body, token) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: JSON.stringify(body),
  });
  // The session has ended or is locked: the server leads elsewhere.
  if (answer.redirected) {
    location.assign(answer.url);
    return new Promise(() => {});
  }
  if (!answer.headers.get("content-type")?.startsWith("application/json")) {
    throw new Error(_("The CRM could not answer. Wait a moment and try again."));
  }
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.error);
  return said;
}

function decoded(options) {
  const found = { ...options, challenge: toBytes(options.challenge) };
  for (const list of ["allowCredentials", "excludeCredentials"]) {
    found[list] = (options[list] ?? []).map((known) => ({ ...known, id: toBytes(known.id) }));
  }
  if (options.user) found.user = { ...options.user, id: toBytes(options.user.id) };
  return found;
}

function encoded(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (credential.response[name]) response[name] = toText(credential.response[name]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: toText(credential.rawId),
    type: credential.type,
    response,
    clientExtensionResults: credential.getClientExtensionResults(),
  };
}

async function usePasskey(place, button) {
  if (!window.PublicKeyCredential) throw new Error(_("This browser has no passkeys. Use another way."));
  const { csrf, next } = button.dataset;
  const address = place.dataset.passkey;
  const publicKey = decoded(await send(`${address}/options`, {}, csrf));
  const create = place.dataset.passkeyKind === "create";
  const credential = await (create ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
  const done = await send(address, { credential: encoded(credential), next: next ?? "/" }, csrf);
  if (button.dataset.stay === undefined) location.assign(done.next);
  else {
    button.removeAttribute("aria-busy");
    document.dispatchEvent(new Event("unlocked"));
  }
}

const WORDS = {
  NotAllowedError: _("No passkey was used. If you have none on this device, use another way."),
  InvalidStateError: _("This device has a passkey for your account already."),
  SecurityError: _("Passkeys do not work at this address of the CRM."),
};

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-passkey-press]");
  if (!button || button.getAttribute("aria-busy") === "true") return;
  const place = button.closest("[data-passkey]");
  const shown = place.querySelector("[data-passkey-error]");
  shown.hidden = true;
  button.setAttribute("aria-busy", "true");
  try {
    await usePasskey(place, button);
  } catch (error) {
    shown.textContent = WORDS[error.name] ?? error.message;
    shown.hidden = false;
    button.removeAttribute("aria-busy");
  }
});
