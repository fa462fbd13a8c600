/** Questions and commands over HTTP. A refusal is an error whose message is the daemon's own sentence. */

import { ofAccount } from "./account.js";
import { language } from "./prefs.js";
import { t } from "./texts.js";

const CSRF_HEADER = "X-Sigma-CSRF";
const NOT_AFTER_HEADER = "X-Sigma-Not-After";
const TIMEOUT_MS = 80000; // a command waits up to 75 s for its minute
const EARLY_MS = 10000; // of the page: later it would be old
const GOOD_FOR_MS = 8000; // a command that reaches the daemon later than this is refused there
let csrf = null;
let onSession = () => {};
let wallAhead = () => 0;

/** The daemon's "no", in its own words. */
export class Refused extends Error {
  constructor(status, title, detail) {
    super(detail || title || `the daemon answered ${status}`);
    this.status = status;
  }

  get needsSignIn() {
    return this.status === 401 || this.status === 403;
  }
}

/** Return the JSON answer of a question. */
export async function ask(path) {
  return answered(await sent(path, { headers: { Accept: "application/json", "Accept-Language": language() } }));
}

/** Return {value, tag} of a question; the value that is known where the daemon says that nothing changed. */
export async function askAgain(path, known) {
  const headers = { Accept: "application/json", "Accept-Language": language() };
  if (known.tag) headers["If-None-Match"] = known.tag;
  const response = await sent(path, { headers });
  if (response.status === 304) return known;
  return { value: await answered(response), tag: response.headers.get("ETag") };
}

/** Send a command and return its answer. */
export async function command(path, body = {}, method = "POST") {
  const headers = { "Content-Type": "application/json", "Accept-Language": language() };
  if (csrf) headers[CSRF_HEADER] = csrf;
  headers[NOT_AFTER_HEADER] = String(Math.round(Date.now() + wallAhead() + GOOD_FOR_MS));
  try {
    return await answered(await sent(path, { method, headers, body: JSON.stringify(body) }));
  } catch (error) {
    if (error instanceof Refused && error.needsSignIn) told({ signed_in: false, may_change: false, csrf: null });
    throw error;
  }
}

/** Say how far the daemon's wall clock is ahead of this one, in ms. */
export function useClock(ahead) {
  wallAhead = ahead;
}

/** Call `listener({signed_in, may_change})` whenever that changes. */
export function watchSession(listener) {
  onSession = listener;
}

/** Ask whether this browser is signed in already. */
export async function readSession() {
  told(await ask("/api/session"));
}

/** Give the API token for a session cookie; the token itself is not kept. */
export async function signIn(token) {
  told(await command("/api/session", { token }));
}

/** End the session. */
export async function signOut() {
  told(await command("/api/session", {}, "DELETE"));
}

function told(session) {
  csrf = session.csrf;
  onSession(session);
}

async function sent(path, options) {
  const early = window.sigmaEarly; // asked for by early.js, before the modules were there
  if (early?.path === path && performance.now() < EARLY_MS) {
    window.sigmaEarly = null;
    const answer = await early.answer;
    if (answer) return answer;
  }
  try {
    return await fetch(ofAccount(path), { credentials: "same-origin", cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS), ...options });
  } catch {
    throw new Error(t("The daemon does not answer."));
  }
}

async function answered(response) {
  const document = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refused(response.status, document.title, document.detail);
  return document;
}
