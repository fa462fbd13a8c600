/** Questions that are asked before something changes, and short notices of what came of it. */

import { byId } from "./dom.js";

const NOTICE_MS = 7000;

/**
 * Ask for a yes.
 *
 * @param {{title: string, text: string, yes: string, danger?: boolean}} question
 * @returns {Promise<boolean>} false when it was cancelled, by key too
 */
export function confirmed({ title, text, yes, danger = false }) {
  const dialog = byId("confirm");
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-yes").textContent = yes;
  byId("confirm-yes").classList.toggle("danger", danger);
  dialog.returnValue = "no";
  dialog.showModal();
  byId("confirm-no").focus();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

/**
 * Ask for the API token until it is taken or the person gives up.
 *
 * @param {(token: string) => Promise<void>} signIn throws with a message when the token is refused
 * @returns {Promise<boolean>}
 */
export function signedIn(signIn) {
  const dialog = byId("login");
  const form = byId("login-form");
  const token = byId("token");
  const problem = byId("login-problem");
  problem.textContent = "";
  token.value = "";
  dialog.returnValue = "no";
  dialog.showModal();
  token.focus();
  const submit = async (event) => {
    event.preventDefault();
    try {
      await signIn(token.value.trim());
      dialog.close("yes");
    } catch (error) {
      problem.textContent = error.message;
      token.select();
    }
  };
  const cancel = () => dialog.close("no");
  form.addEventListener("submit", submit);
  byId("login-cancel").addEventListener("click", cancel);
  return new Promise((resolve) => {
    dialog.addEventListener(
      "close",
      () => {
        form.removeEventListener("submit", submit);
        byId("login-cancel").removeEventListener("click", cancel);
        token.value = "";
        resolve(dialog.returnValue === "yes");
      },
      { once: true },
    );
  });
}

/** Say something for a few seconds, or until it is taken away; screen readers hear it. */
export function notice(text, { isBad = false, stays = false } = {}) {
  const element = document.createElement("p");
  element.className = `notice${isBad ? " bad" : ""}${stays ? " waiting" : ""}`;
  element.textContent = text;
  byId("notices").append(element);
  if (!stays) setTimeout(() => element.remove(), NOTICE_MS);
  return element;
}
