/** Numbers and times as people read them. A missing number is a dash, never a zero. */

import { chosen } from "./prefs.js";
import { t } from "./texts.js";

export const DASH = "–";
const MINUS = "−";
const UNBROKEN = "\u00a0"; // a per cent sign stays with its number

/** 12345.6 -> "12,345.60". */
export function money(value, decimals = 2) {
  return isNumber(value) ? grouped(value, decimals) : DASH;
}

/** 12.3 -> "+12.30". */
export function signedMoney(value, decimals = 2) {
  return isNumber(value) ? signOf(value, decimals) + grouped(Math.abs(value), decimals) : DASH;
}

/** A price with about five significant digits, as its size asks for. */
export function price(value) {
  if (!isNumber(value)) return DASH;
  const digits = value === 0 ? 2 : Math.max(0, Math.min(8, 4 - Math.floor(Math.log10(Math.abs(value)))));
  return grouped(value, Math.max(digits, Math.abs(value) >= 10000 ? 1 : 2));
}

/** 0.0123 -> "1.23 %". */
export function percent(value, decimals = 2) {
  return isNumber(value) ? `${grouped(value * 100, decimals)}${UNBROKEN}%` : DASH;
}

/** 0.0123 -> "+1.23 %". */
export function signedPercent(value, decimals = 2) {
  return isNumber(value) ? `${signOf(value * 100, decimals)}${grouped(Math.abs(value * 100), decimals)}${UNBROKEN}%` : DASH;
}

/** 1.268 -> "+1.27". */
export function score(value, decimals = 2) {
  return isNumber(value) ? signOf(value, decimals) + grouped(Math.abs(value), decimals) : DASH;
}

/** A quantity without trailing zeros. */
export function quantity(value) {
  return isNumber(value) ? new Intl.NumberFormat("en", { maximumFractionDigits: 8 }).format(value) : DASH;
}

/** ms -> "2025-01-03 14:00", in the zone that was chosen. */
export function time(ms) {
  return isNumber(ms) && ms > 0 ? zoned(ms).slice(0, 16).replace("T", " ") : DASH;
}

/** ms -> "2025-01-03". */
export function day(ms) {
  return time(ms).slice(0, 10);
}

/** ms -> "01-03 14:00". */
export function shortTime(ms) {
  return isNumber(ms) && ms > 0 ? time(ms).slice(5) : DASH;
}

/** Return a moment as ISO text of the chosen zone. */
export function zoned(ms) {
  const local = chosen().zone === "local" ? new Date(ms).getTimezoneOffset() * 60000 : 0;
  return new Date(ms - local).toISOString();
}

/** Seconds -> "8 s", "3 min", "5 h", "2 d". */
export function age(seconds) {
  if (!isNumber(seconds)) return DASH;
  const rounded = Math.max(0, Math.floor(seconds));
  if (rounded < 120) return t("{count} s", { count: rounded });
  if (rounded < 7200) return t("{count} min", { count: Math.floor(rounded / 60) });
  if (rounded < 172800) return t("{count} h", { count: Math.floor(rounded / 3600) });
  return t("{count} d", { count: Math.floor(rounded / 86400) });
}

/** Market milliseconds -> the real seconds they lasted: a demo market's day may pass in twelve. */
export function realSeconds(ms, status) {
  return ms / 1000 / Math.max(1, status?.slowed_to ?? status?.speed ?? 1);
}

/** "momentum -1.4σ" -> "momentum −1.4σ", as every other number here has it. */
export function withMinus(text) {
  return text.replace(/(^|[\s(])-(?=\d)/g, `$1${MINUS}`);
}

/** Market days -> "0.4 d", "12 d". */
export function days(value) {
  return isNumber(value) ? t("{count} d", { count: grouped(value, value < 10 ? 1 : 0) }) : DASH;
}

/** A likelihood ratio with three significant digits: "0.0213", "1.27", "20", "1.2e+6". */
export function ratio(value) {
  if (!isNumber(value)) return DASH;
  return value < 1e6 ? Number(value.toPrecision(3)).toLocaleString("en", { maximumSignificantDigits: 3 }) : value.toExponential(1);
}

/** Hours -> "40 min", "31 h", "3.5 d". */
export function hours(value) {
  if (!isNumber(value)) return DASH;
  if (value < 1) return t("{count} min", { count: Math.round(value * 60) });
  return value < 72 ? t("{count} h", { count: Math.round(value) }) : t("{count} d", { count: grouped(value / 24, 1) });
}

/** "stop_loss" -> "stop loss", in the person's language. */
export function words(name) {
  return t(String(name ?? DASH).replaceAll("_", " "));
}

/** The class that colours a gain or a loss; the sign is always written too. */
export function tone(value) {
  if (!isNumber(value) || value === 0) return "";
  return value > 0 ? "gain" : "loss";
}

export function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

function signOf(value, decimals) {
  const rounded = Number(value.toFixed(decimals));
  if (rounded === 0) return "";
  return rounded > 0 ? "+" : MINUS;
}

function grouped(value, decimals) {
  const text = new Intl.NumberFormat("en", { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
  return text.format(value).replace("-0.00", "0.00").replace("-", MINUS);
}
