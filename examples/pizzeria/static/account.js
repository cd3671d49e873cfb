/* Who is signed in: the dialog to sign in and to register, and what the header says.
 *
 * The session is a cookie that no script reads, so this page only notes that there was one: whether
 * it still opens anything, answers tell (401).
 */

import { $, el, send } from "./parts.js";

const KEY = "pizzeria.signed-in";
let noted = null; // where the browser refuses storage
let registering = false;
let sending = false;

export function signedIn() {
  try {
    return Boolean(localStorage.getItem(KEY) ?? noted);
  } catch {
    return Boolean(noted);
  }
}

function note(value) {
  noted = value;
  try {
    if (value) localStorage.setItem(KEY, value);
    else localStorage.removeItem(KEY);
  } catch {
    /* kept in memory */
  }
  renderHeader();
}

/** The session has ended, or never was one. */
export const forget = () => note(null);

export async function signOut() {
  await send("POST", "/api/auth/logout");
  forget();
}

/** Do what needs a session; where there is none, sign in and do it then. */
export async function asMe(act, why) {
  try {
    return await act();
  } catch (error) {
    if (error.status !== 401) throw error;
    forget();
    if (!(await signIn(why))) throw error;
    return act();
  }
}

/** Show the dialog; whether somebody is signed in when it closes. The focus goes back by itself. */
export function signIn(why = "") {
  const dialog = $("who");
  $("who-why").textContent = why;
  $("who-form").reset();
  change(false);
  dialog.returnValue = "";
  if (!dialog.open) dialog.showModal();
  $("who-email").focus();
  return new Promise((resolve) => {
    const closed = () => resolve(dialog.returnValue === "in");
    dialog.addEventListener("close", closed, { once: true });
  });
}

/** Sign in, or make an account: one form, whose name and words differ. */
function change(toRegister) {
  registering = toRegister;
  $("who-title").textContent = registering ? "Make an account" : "Sign in";
  $("who-go").textContent = registering ? "Make the account" : "Sign in";
  $("who-switch").textContent = registering ? "I have an account" : "I have no account yet";
  $("who-name").closest(".entry").hidden = !registering;
  $("who-password-hint").hidden = !registering;
  $("who-password").autocomplete = registering ? "new-password" : "current-password";
  tell();
}

/** Tell what is wrong, each beside its field; the rest above them. */
function tell(error = null) {
  const left = [];
  const faults = new Map();
  for (const { pointer, detail } of error?.problem.errors ?? []) {
    const field = /^\/(name|email|password)$/.exec(pointer ?? "")?.[1];
    if (field) faults.set(field, detail);
    else left.push(detail);
  }
  for (const field of ["name", "email", "password"]) {
    const input = $(`who-${field}`);
    $(`who-${field}-fault`).textContent = faults.get(field) ?? "";
    if (faults.has(field)) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  if (error && !faults.size && !left.length) left.push(error.why);
  $("who-alert").replaceChildren(...left.map((text) => el("p", { class: "note" }, text)));
  if (error) $("who-form").querySelector("[aria-invalid]")?.focus();
}

async function submit(event) {
  event.preventDefault();
  if (sending) return;
  const { name, ...known } = Object.fromEntries(new FormData($("who-form")));
  sending = true;
  $("who-go").setAttribute("aria-disabled", "true");
  tell();
  try {
    if (registering) await send("POST", "/api/auth/register", { ...known, name: name.trim() });
    else await send("POST", "/api/auth/login", known);
    note("yes");
    $("who").close("in");
  } catch (error) {
    tell(error);
  } finally {
    sending = false;
    $("who-go").removeAttribute("aria-disabled");
  }
}

function renderHeader() {
  $("sign-in").hidden = signedIn();
  $("mine").hidden = !signedIn();
}

export function openAccount() {
  $("who-form").addEventListener("submit", submit);
  $("who-switch").addEventListener("click", () => {
    change(!registering);
    $(registering ? "who-name" : "who-email").focus();
  });
  $("who-close").addEventListener("click", () => $("who").close());
  $("sign-in").addEventListener("click", async () => (await signIn()) && $("mine").focus());
  addEventListener("storage", (event) => event.key === KEY && renderHeader());
  addEventListener("pageshow", (event) => event.persisted && renderHeader());
  renderHeader();
}
