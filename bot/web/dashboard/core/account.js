/**
 * Which account the page shows and commands: the one of its address.
 *
 * A daemon of several accounts answers for each of the others below /accounts/NAME, the page included. Every question,
 * command and link of a page stays with its account; changing it is going to another page.
 */

/** What stands before every path of the account; "" for the daemon's first. */
export const BASE = location.pathname.match(/^\/accounts\/[a-z0-9_-]+(?=\/)/)?.[0] ?? "";

/** Return a path of this account's page or API; one that is there already stays as it is. */
export function ofAccount(path) {
  return path.startsWith("/") && !path.startsWith("/static/") && !path.startsWith("/accounts/") ? BASE + path : path;
}

/** Return the part of an address behind the account. */
export function withoutAccount(pathname) {
  return pathname.startsWith(`${BASE}/`) ? pathname.slice(BASE.length) : pathname;
}

/** Go to another account's page, in the same room. */
export function changeAccount(base) {
  const [, room = ""] = withoutAccount(location.pathname).split("/");
  location.assign(`${base}/${room}`);
}

/** Describe the choice between the accounts that this daemon answers for; null where there is one. */
export function accountChoice(h, t, accounts) {
  const known = accounts.filter((account) => account.path !== null);
  if (known.length < 2) return null;
  return h(
    "select",
    { id: "account", key: "account", value: BASE, "aria-label": t("Account") },
    known.map((account) => h("option", { value: account.path, key: account.path || "first", selected: account.path === BASE }, account.name)),
  );
}

/** Listen to the choice, and keep the links of the page's frame with its account. */
export function listenToAccount() {
  document.addEventListener("change", (event) => {
    if (event.target.id === "account") changeAccount(event.target.value);
  });
  if (BASE) for (const link of document.querySelectorAll("a[href^='/']")) link.setAttribute("href", ofAccount(link.getAttribute("href")));
}
