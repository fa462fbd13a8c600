/**
 * The words of the page. English is the key: `t("Closed trades")`, `t("{count} more", { count })`.
 *
 * Another language is a dictionary from English to it, loaded before the first draw; what it lacks is shown in English.
 * Sentences that the daemon has recorded in English are looked up clause by clause: `said("RSI oversold (28)")`.
 */

const VALUE = /\bb-[0-9a-f]{6,64}\b|[+-]?(?:\d[\d,]*\.?\d*|\.\d+)%?|\b[A-Z0-9]*[A-Z0-9]{2}(?:USDT|USDC|USD)(?:-\d+)?\b/g;
const JOINT = /(; |, |: |\. | (?=\d+ bars? ago at |just confirmed at ))/;
const SPOKEN = ["aria-label", "placeholder", "title"];
let dictionary = null;

/** Return a text in the person's language, its {names} replaced by values. */
export function t(english, values = {}) {
  const text = dictionary?.[english] ?? english;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

/** Mark a text that is looked up later. */
export function N_(english) {
  return english;
}

/** Return a text for one or for many: `many("{count} trade", "{count} trades", 1)`. */
export function many(one, more, count) {
  return t(count === 1 ? one : more, { count });
}

/** Return a sentence of the daemon in the person's language, as a whole or clause by clause, its numbers put back. */
export function said(sentence) {
  if (!dictionary || !sentence) return sentence;
  return found(sentence) ?? sentence.split(JOINT).map((part, number) => (number % 2 ? part : clause(part))).join("");
}

/** Load a language before anything is drawn, and put the words that stand in the page itself into it. */
export async function speak(language) {
  document.documentElement.lang = language;
  if (language === "en") return;
  try {
    const response = await fetch(`/static/locale/${language}.json`);
    if (response.ok) dictionary = await response.json();
  } catch {
    // the daemon went away in the middle: the page stays English
  }
  if (dictionary) translate(document.body);
}

/** A clause, with or without the full stop that ends the last one. */
function clause(part) {
  return found(part) ?? (part.endsWith(".") && found(part.slice(0, -1)) ? `${found(part.slice(0, -1))}.` : part);
}

function found(sentence) {
  const values = [];
  const template = sentence.replace(VALUE, (value) => `{${values.push(value) - 1}}`);
  return dictionary[template]?.replace(/\{(\d+)\}/g, (_, number) => values[number]);
}

function translate(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { data } = walker.currentNode;
    const words = data.trim();
    if (dictionary[words]) walker.currentNode.data = data.replace(words, () => dictionary[words]);
  }
  for (const name of SPOKEN) {
    for (const element of root.querySelectorAll(`[${name}]`)) element.setAttribute(name, t(element.getAttribute(name)));
  }
}
