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

/** Return a text for one or for many: `many("{count} trade", "{count} trades", 1)`. */
export function many(one, more, count) {
  return t(count === 1 ? one : more, { count });
}

/** Use a dictionary. */
export function speak(words) {
  dictionary = words ?? {};
}
