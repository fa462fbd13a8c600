/** What a person has chosen about the looks: theme, colours of up and down, density, width, time zone. Kept here. */

const NAME = "sigma-looks";
const CHOICES = {
  theme: ["system", "light", "dark"],
  colours: ["green-red", "blue-orange", "red-green"],
  density: ["comfortable", "dense"],
  width: ["fitted", "wide"],
  zone: ["UTC", "local"],
  language: ["browser", "en", "tr"],
};
const system = matchMedia("(prefers-color-scheme: dark)");
const colours = new Map(); // as they are now: reading one from the style sheet costs more than drawing a bar
let looks = read();
system.addEventListener("change", () => colours.clear());

/** Return what is chosen now. */
export function chosen() {
  return looks;
}

/** Return the values a choice may have. */
export function choices(name) {
  return CHOICES[name];
}

/** Choose, keep and apply. */
export function choose(name, value) {
  if (!CHOICES[name]?.includes(value)) return;
  looks = { ...looks, [name]: value };
  try {
    localStorage.setItem(NAME, JSON.stringify(looks));
  } catch {
    // storage is switched off: the choice lasts as long as the page
  }
  apply();
}

/** Go over to the next value of a choice. */
export function next(name) {
  const values = CHOICES[name];
  choose(name, values[(values.indexOf(looks[name]) + 1) % values.length]);
  return looks[name];
}

/** Return "dark" or "light", as it is shown. */
export function theme() {
  return looks.theme === "system" ? (system.matches ? "dark" : "light") : looks.theme;
}

/** Return the language the page speaks: the chosen one, else the browser's where there is a dictionary for it. */
export function language() {
  if (looks.language !== "browser") return looks.language;
  const wanted = (navigator.languages ?? [navigator.language]).map((name) => name.slice(0, 2));
  return wanted.find((name) => CHOICES.language.includes(name)) ?? "en";
}

/** Call `listener` when the system's choice changes. */
export function onSystemTheme(listener) {
  system.addEventListener("change", listener);
}

/** Return the colour of a custom property of the style sheet, as it is now. */
export function colour(name) {
  if (!colours.has(name)) colours.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  return colours.get(name);
}

/** Put the choices on the page. */
export function apply() {
  colours.clear();
  const { dataset } = document.documentElement;
  if (looks.theme === "system") delete dataset.theme;
  else dataset.theme = looks.theme;
  for (const name of ["colours", "density", "width"]) dataset[name] = looks[name];
}

function read() {
  const found = Object.fromEntries(Object.entries(CHOICES).map(([name, values]) => [name, values[0]]));
  try {
    const kept = JSON.parse(localStorage.getItem(NAME) ?? "{}");
    for (const [name, values] of Object.entries(CHOICES)) if (values.includes(kept[name])) found[name] = kept[name];
  } catch {
    // storage is switched off or damaged: the defaults hold
  }
  return found;
}
