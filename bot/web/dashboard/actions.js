/** What buttons do. One listener for all of them; whatever changes something asks first. */

import { Refused, command, signIn, signOut } from "./api.js";
import { confirmed, notice, signedIn } from "./dialogs.js";
import { byId } from "./dom.js";
import { theme, toggleTheme } from "./theme.js";

let asking = null;

/** Commands of the daemon: where they go, what is asked before, what is said after. */
const COMMANDS = {
  pause: {
    path: "/api/pause",
    question: () => ({
      title: "Pause entries?",
      text: "No new position is opened until you resume. Open positions keep their stops and targets.",
      yes: "Pause",
    }),
    done: "Paused: no new entries.",
  },
  resume: {
    path: "/api/resume",
    question: () => ({
      title: "Take entries again?",
      text: "The next signal that is worth its costs opens a position.",
      yes: "Resume",
    }),
    done: "Entries are taken again.",
  },
  stop: {
    path: "/api/stop",
    question: () => ({
      title: "Stop and close everything?",
      text: "The kill switch closes every open position at the next open and takes no entries until you resume.",
      yes: "Stop and close all",
      danger: true,
    }),
    done: "Stopped: everything closes at the next open.",
  },
  close: {
    path: "/api/close",
    body: ({ symbol }) => ({ symbol }),
    question: ({ symbol }) => ({
      title: `Close ${symbol}?`,
      text: `The ${symbol} position is closed at the next open. The market may be entered again by a later signal.`,
      yes: "Close position",
      danger: true,
    }),
    done: "The position closes at the next open.",
  },
  unlock: {
    path: "/api/unlock",
    question: () => ({
      title: "Lift the locks?",
      text: "The stops that only a person may lift are lifted, and entries are taken again.",
      yes: "Lift locks",
    }),
    done: "The locks are lifted.",
  },
  retrain: {
    path: "/api/retrain",
    question: () => ({
      title: "Retrain now?",
      text: "A training runs beside the daemon. Its bundle goes live only if it passes the gate.",
      yes: "Retrain",
    }),
    done: "A training has been asked for.",
  },
  promote: {
    path: "/api/promote",
    body: ({ bundle }) => ({ bundle }),
    question: ({ bundle }) => ({
      title: `Promote ${bundle}?`,
      text: "It decides from the next account minute on. Open positions keep the exits they were opened with.",
      yes: "Promote",
    }),
    done: "The bundle decides from the next minute on.",
  },
  rollback: {
    path: "/api/rollback",
    question: () => ({
      title: "Roll back?",
      text: "The bundle that was in production before decides again; the trend rule where there was none.",
      yes: "Roll back",
    }),
    done: "The bundle before decides again.",
  },
};

/**
 * Listen to the page.
 *
 * @param {{onMarket: (symbol: string) => void, onTheme: () => void, onCommand: () => void, onFilter: () => void}} listeners
 */
export function listen({ onMarket, onTheme, onCommand, onFilter }) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (!button || button.disabled) return;
    const { action, ...named } = button.dataset;
    if (action === "market") onMarket(named.symbol);
    else if (action === "theme") onTheme(toggleTheme());
    else if (action === "session") changeSession();
    else perform(action, named, button).then(onCommand);
  });
  byId("market-tabs").addEventListener("keydown", (event) => moveTab(event, onMarket));
  byId("only-signals").addEventListener("change", onFilter);
}

/** Set the words of the buttons that depend on what holds. */
export function drawButtons({ signedIn: isSignedIn }) {
  byId("theme").textContent = theme() === "dark" ? "Light" : "Dark";
  byId("session").textContent = isSignedIn ? "Sign out" : "Sign in";
}

async function perform(action, named, button) {
  const { path, body, question, done } = COMMANDS[action];
  if (!(await confirmed(question(named)))) return;
  button.setAttribute("aria-busy", "true");
  try {
    await send(path, body?.(named));
    notice(done);
  } catch (error) {
    notice(error.message, true);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Send a command; where a token is needed, ask for it and send the command again. */
async function send(path, body) {
  try {
    return await command(path, body);
  } catch (error) {
    if (!(error instanceof Refused) || !error.needsSignIn) throw error;
  }
  if (!(await askForToken())) throw new Error("Not sent: commands need the API token.");
  return command(path, body);
}

/** Ask for the API token; false when the person gives up. One dialog at a time. */
export async function askForToken() {
  asking ??= signedIn(signIn).finally(() => {
    asking = null;
  });
  return asking;
}

async function changeSession() {
  const isSignedIn = byId("session").textContent === "Sign out";
  if (isSignedIn) await signOut();
  else await askForToken();
}

/** Arrow keys move between tabs, as the tab pattern asks. */
function moveTab(event, onMarket) {
  const tabs = [...event.currentTarget.querySelectorAll('[role="tab"]')];
  const steps = { ArrowRight: 1, ArrowLeft: -1, Home: -Infinity, End: Infinity };
  if (!(event.key in steps) || !tabs.length) return;
  event.preventDefault();
  const now = tabs.findIndex((tab) => tab.getAttribute("aria-selected") === "true");
  const step = steps[event.key];
  const next = Number.isFinite(step) ? (now + step + tabs.length) % tabs.length : step > 0 ? tabs.length - 1 : 0;
  tabs[next].focus();
  onMarket(tabs[next].dataset.symbol);
}
