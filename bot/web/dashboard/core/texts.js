/**
 * The words of the page. English is the key: `t("Closed trades")`, `t("{count} more", { count })`.
 *
 * Another language is a dictionary from English to it, loaded before the first draw; what it lacks is shown in English.
 */

let dictionary = {};

/** Return a text in the person's language, its {names} replaced by values. */
export function t(english, values = {}) {
  const text = dictionary[english] ?? english;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Use a dictionary. */
export function speak(words) {
  dictionary = words ?? {};
}
