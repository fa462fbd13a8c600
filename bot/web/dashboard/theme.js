/** Dark or light: the system's choice until the person makes one, which is then remembered. */

const NAME = "sigma-theme";
const system = matchMedia("(prefers-color-scheme: dark)");

/** Return "dark" or "light". */
export function theme() {
  return document.documentElement.dataset.theme ?? (system.matches ? "dark" : "light");
}

/** Go over to the other one. */
export function toggleTheme() {
  const next = theme() === "dark" ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  try {
    localStorage.setItem(NAME, next);
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
  return next;
}

/** Call `listener` when the system's choice changes. */
export function onSystemTheme(listener) {
  system.addEventListener("change", listener);
}

/** Return the colour of a custom property of the style sheet, as it is now. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}
