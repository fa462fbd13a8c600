// Sets the chosen theme before the first paint; without a choice the system's holds.
try {
  const chosen = localStorage.getItem("sigma-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
} catch {
  // storage is switched off: the system's theme holds
}
