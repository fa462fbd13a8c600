/** What buttons do. One listener for all of them; whatever changes something asks first. */

import { Refused, command, signIn, signOut } from "./api.js";
import { confirmed, notice, signedIn } from "./dialogs.js";
import { N_, t } from "./texts.js";

const SLOW_MS = 2000; // without an answer, after which it is said that a command is on its way
let asking = null;

/** Commands of the daemon: where they go, what is asked before, what is said after. */
const COMMANDS = {
  pause: {
    path: "/api/pause",
    question: () => ({
      title: t("Pause entries?"),
      text: t("No new position is opened until you resume. Open positions keep their stops and targets."),
      yes: t("Pause"),
    }),
    done: N_("Paused: no new entries."),
  },
  resume: {
    path: "/api/resume",
    question: () => ({
      title: t("Take entries again?"),
      text: t("The next signal that is worth its costs opens a position."),
      yes: t("Resume"),
    }),
    done: N_("Entries are taken again."),
  },
  stop: {
    path: "/api/stop",
    question: () => ({
      title: t("Stop and close everything?"),
      text: t("The kill switch closes every open position at the next open and takes no entries until you resume."),
      yes: t("Stop and close all"),
      danger: true,
    }),
    done: N_("Stopped: everything closes at the next open."),
  },
  close: {
    path: "/api/close",
    body: ({ symbol }) => ({ symbol }),
    question: ({ symbol }) => ({
      title: t("Close {symbol}?", { symbol }),
      text: t("The {symbol} position is closed at the next open. The market may be entered again by a later signal.", { symbol }),
      yes: t("Close position"),
      danger: true,
    }),
    done: N_("The position closes at the next open."),
  },
  unlock: {
    path: "/api/unlock",
    question: () => ({
      title: t("Lift the locks?"),
      text: t("The stops that only a person may lift are lifted, and entries are taken again."),
      yes: t("Lift locks"),
    }),
    done: N_("The locks are lifted."),
  },
  retrain: {
    path: "/api/retrain",
    question: () => ({
      title: t("Retrain now?"),
      text: t("A training runs beside the daemon. Its bundle goes live only if it passes the gate."),
      yes: t("Retrain"),
    }),
    done: N_("A training has been asked for."),
  },
  "cancel-training": {
    path: "/api/training/cancel",
    question: () => ({
      title: t("Cancel the training?"),
      text: t("Its process is ended and what it has learned is lost. The bundle that decides goes on."),
      yes: t("Cancel training"),
      danger: true,
    }),
    done: N_("The training is being ended."),
  },
  "cancel-run": {
    path: "/api/runs/cancel",
    body: ({ run }) => ({ id: run }),
    question: ({ run }) => ({
      title: t("Cancel {run}?", { run }),
      text: t("Its process is ended; what it has found so far is lost."),
      yes: t("Cancel run"),
      danger: true,
    }),
    done: N_("The run is being ended."),
  },
  promote: {
    path: "/api/promote",
    body: ({ bundle }) => ({ bundle }),
    question: ({ bundle }) => ({
      title: t("Promote {bundle}?", { bundle }),
      text: t("It decides from the next account minute on. Open positions keep the exits they were opened with."),
      yes: t("Promote"),
    }),
    done: N_("The bundle decides from the next minute on."),
  },
  rollback: {
    path: "/api/rollback",
    question: () => ({
      title: t("Roll back?"),
      text: t("The bundle before the champion decides again; the trend rule where there was none."),
      yes: t("Roll back"),
    }),
    done: N_("The bundle before decides again."),
  },
};

/**
 * Listen to the page's commands.
 *
 * @param {{canCommand: () => boolean, onDone: () => void}} given
 */
export function listenToCommands({ canCommand, onDone }) {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-action]");
    if (!button || button.disabled || !(button.dataset.action in COMMANDS)) return;
    const { action, ...named } = button.dataset;
    if (!canCommand()) notice(t("Not sent: the daemon does not answer."), { isBad: true });
    else perform(action, named, button, canCommand).then(onDone);
  });
}

/** Sign in or out. */
export async function changeSession(isSignedIn) {
  if (isSignedIn) await signOut();
  else await askForToken();
}

/** Send a command that a form makes up by itself. */
export async function give(path, body, done) {
  try {
    const answer = await send(path, body);
    notice(done);
    return answer;
  } catch (error) {
    notice(error.message, { isBad: true });
    return null;
  }
}

async function perform(action, named, button, canCommand) {
  const { path, body, question, done } = COMMANDS[action];
  if (!(await confirmed(question(named)))) return;
  if (!canCommand()) {
    notice(t("Not sent: the daemon does not answer any more."), { isBad: true });
    return;
  }
  button.setAttribute("aria-busy", "true");
  try {
    await send(path, body?.(named));
    notice(t(done));
  } catch (error) {
    notice(error.message, { isBad: true });
  } finally {
    button.removeAttribute("aria-busy");
  }
}

/** Send a command; where a token is needed, ask for it and send the command again. */
async function send(path, body) {
  try {
    return await waitedFor(command(path, body));
  } catch (error) {
    if (!(error instanceof Refused) || !error.needsSignIn) throw error;
  }
  if (!(await askForToken())) throw new Error(t("Not sent: commands need the API token."));
  return waitedFor(command(path, body));
}

/** Say that a command is on its way while nobody answers: it is carried out with the next account minute, or never. */
async function waitedFor(answer) {
  let waiting = null;
  const timer = setTimeout(() => {
    waiting = notice(t("Sent. The daemon answers with its next account minute; a command that reaches it late is not carried out."), { stays: true });
  }, SLOW_MS);
  try {
    return await answer;
  } finally {
    clearTimeout(timer);
    waiting?.remove();
  }
}

/** Ask for the API token; false when the person gives up. One dialog at a time. */
export async function askForToken() {
  asking ??= signedIn(signIn).finally(() => {
    asking = null;
  });
  return asking;
}
