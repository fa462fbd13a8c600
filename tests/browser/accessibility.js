/**
 * The accessibility rules that matter here, checked on the page as it stands; returns one sentence per violation.
 *
 * They follow the rules of axe-core by name: button-name, label, image-alt, heading-order, region, duplicate-id,
 * aria-valid-attr, aria-valid-attr-value, aria-roles, aria-required-children, aria-required-parent, color-contrast,
 * html-has-lang, document-title, meta-viewport, list, listitem, definition-list, scope-attr-valid, tabindex,
 * scrollable-region-focusable, nested-interactive, target-size.
 */
() => {
  const problems = [];
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const shown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  const named = (element) => `<${element.localName}${element.id ? `#${element.id}` : ""}${element.className?.length ? `.${String(element.className).split(" ").join(".")}` : ""}>`;
  const report = (rule, element, why) => problems.push(`${rule}: ${element ? named(element) : "page"} ${why}`);

  const references = (element, attribute) => (element.getAttribute(attribute) ?? "").split(/\s+/).filter(Boolean);
  const textOf = (element) => [...element.childNodes].map((node) => {
    if (node.nodeType === Node.TEXT_NODE) return node.data;
    if (node.nodeType !== Node.ELEMENT_NODE || node.getAttribute("aria-hidden") === "true") return "";
    return node.getAttribute("aria-label") ?? textOf(node);
  }).join(" ").trim();
  const nameOf = (element) => {
    const labelled = references(element, "aria-labelledby").map((id) => document.getElementById(id)).filter(Boolean).map(textOf).join(" ");
    const labels = [...(element.labels ?? [])].map(textOf).join(" ");
    return (labelled || element.getAttribute("aria-label") || labels || element.getAttribute("alt") || textOf(element) || element.title || "").trim();
  };

  if (!document.documentElement.lang) report("html-has-lang", null, "has no language");
  if (!document.title.trim()) report("document-title", null, "has no title");
  const viewport = document.querySelector('meta[name="viewport"]')?.content ?? "";
  if (/user-scalable\s*=\s*no|maximum-scale\s*=\s*[0-4]/.test(viewport)) report("meta-viewport", null, `forbids zooming: ${viewport}`);

  const controls = 'button, a[href], input, select, textarea, summary, [role="button"], [role="tab"], [role="checkbox"]';
  for (const element of all(controls).filter(shown)) {
    if (!nameOf(element)) report(element.matches("input, select, textarea") ? "label" : "button-name", element, "has no name");
    const parent = element.parentElement.closest(controls);
    if (parent) report("nested-interactive", element, `stands inside ${named(parent)}`);
    const box = element.getBoundingClientRect();
    const isInline = element.localName === "a" && getComputedStyle(element).display === "inline";
    const isLabelled = (element.labels?.length ?? 0) > 0;
    if (!isInline && !isLabelled && (box.width < 24 || box.height < 24)) report("target-size", element, `is ${Math.round(box.width)} x ${Math.round(box.height)} px`);
  }
  for (const element of all('img, [role="img"], progress, dialog[open], [role="region"], [role="tabpanel"], [role="tablist"]').filter(shown)) {
    const isHidden = element.closest('[aria-hidden="true"]') || element.parentElement.closest('[role="img"]');
    if (!isHidden && !nameOf(element) && !element.querySelector(":scope > title")) report("image-alt", element, "has no name");
  }

  const headings = all("h1, h2, h3, h4, h5, h6").filter((element) => !element.closest("dialog"));
  if (headings.filter((element) => element.localName === "h1").length !== 1) report("page-has-heading-one", null, "needs exactly one h1");
  let level = 0;
  for (const heading of headings) {
    const next = Number(heading.localName[1]);
    if (next > level + 1) report("heading-order", heading, `follows a heading of level ${level}`);
    if (!textOf(heading)) report("empty-heading", heading, "is empty");
    level = next;
  }

  if (all("main").length !== 1) report("landmark-one-main", null, "needs exactly one main");
  const landmarks = 'header, main, footer, nav, aside, dialog, [role="status"], [role="alert"], [aria-live], .skip, script, style, noscript, link';
  for (const child of document.body.children) if (!child.matches(landmarks) && textOf(child)) report("region", child, "stands outside every landmark");
  for (const section of all("section")) if (!nameOf(section)) report("landmark-unique", section, "has no name");

  const ids = new Set();
  for (const element of all("[id]").filter((found) => !found.closest("svg"))) {
    if (ids.has(element.id)) report("duplicate-id", element, "bears an id twice");
    ids.add(element.id);
  }

  const attributes = new Set("label labelledby describedby controls live hidden selected busy disabled expanded current valuenow valuemin valuemax valuetext modal atomic relevant roledescription haspopup pressed checked sort".split(" "));
  const roles = new Set("status alert tablist tab tabpanel group img region dialog list listitem none presentation button progressbar".split(" "));
  for (const element of all("body *").filter((found) => !found.closest("svg"))) {
    for (const { name, value } of element.attributes) {
      if (!name.startsWith("aria-")) continue;
      if (!attributes.has(name.slice(5))) report("aria-valid-attr", element, `has ${name}`);
      if (["aria-selected", "aria-hidden", "aria-busy", "aria-disabled"].includes(name) && !["true", "false"].includes(value)) report("aria-valid-attr-value", element, `has ${name}="${value}"`);
      if (["aria-labelledby", "aria-describedby", "aria-controls"].includes(name)) {
        for (const id of references(element, name)) if (!document.getElementById(id)) report("aria-valid-attr-value", element, `names #${id}, which is not there`);
      }
    }
    const role = element.getAttribute("role");
    if (role && !roles.has(role)) report("aria-roles", element, `has role ${role}`);
    if (role === "tablist" && all('[role="tab"]', element).filter((tab) => tab.getAttribute("aria-selected") === "true").length !== 1) report("aria-required-children", element, "needs exactly one selected tab");
    if (role === "tab" && !element.closest('[role="tablist"]')) report("aria-required-parent", element, "stands outside a tablist");
    if (element.tabIndex > 0) report("tabindex", element, `has tabindex ${element.tabIndex}`);
    if (element.getAttribute("aria-hidden") === "true" && element.querySelector("button, a[href], input, [tabindex='0']")) report("aria-hidden-focus", element, "hides something focusable");
  }

  for (const list of all("ul, ol")) for (const child of list.children) if (child.localName !== "li") report("list", child, "stands in a list");
  for (const item of all("li")) if (!item.parentElement.matches("ul, ol")) report("listitem", item, "stands outside a list");
  for (const child of all("dl > *")) if (!child.matches("div, dt, dd")) report("definition-list", child, "stands in a dl");
  for (const head of all("th")) if (!["col", "row"].includes(head.scope)) report("scope-attr-valid", head, "has no scope");

  for (const element of all("body *").filter((found) => shown(found) && !found.closest("svg"))) {
    const style = getComputedStyle(element);
    const scrolls = (/(auto|scroll)/.test(style.overflowY) && element.scrollHeight > element.clientHeight + 1) || (/(auto|scroll)/.test(style.overflowX) && element.scrollWidth > element.clientWidth + 1);
    if (scrolls && element.tabIndex < 0 && !element.querySelector("button, a[href], input, [tabindex='0']")) report("scrollable-region-focusable", element, "scrolls but cannot be reached by keyboard");
  }

  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (text) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = text;
    canvas.fillRect(0, 0, 1, 1);
    const [red, green, blue, alpha] = canvas.getImageData(0, 0, 1, 1).data;
    return [red, green, blue, alpha / 255];
  };
  const over = (top, bottom) => [0, 1, 2].map((part) => top[part] * top[3] + bottom[part] * (1 - top[3]));
  const groundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((ground, layer) => over(layer, ground), [255, 255, 255]);
  };
  const luminance = (colour) => colour
    .map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let measured = 0;
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(element) || element.closest("script, style, noscript, .visually-hidden, .skip, :disabled")) continue;
    const style = getComputedStyle(element);
    const ground = groundOf(element);
    const ink = over(rgba(element.closest("svg") ? style.fill : style.color), ground);
    const [high, low] = [luminance(ink), luminance(ground)].sort((one, other) => other - one);
    const ratio = (high + 0.05) / (low + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    measured += 1;
    if (ratio < (isLarge ? 3 : 4.5)) report("color-contrast", element, `has ${ratio.toFixed(2)} for "${walker.currentNode.data.trim().slice(0, 30)}"`);
  }
  if (measured < 30) report("color-contrast", null, `only ${measured} texts could be measured`);
  return problems;
}
