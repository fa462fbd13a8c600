// Sets the chosen looks before the first paint; without a choice the system's theme holds.
try {
  const looks = JSON.parse(localStorage.getItem("sigma-looks") ?? "{}");
  const { dataset } = document.documentElement;
  if (looks.theme === "dark" || looks.theme === "light") dataset.theme = looks.theme;
  for (const name of ["colours", "density", "width"]) if (looks[name]) dataset[name] = looks[name];
} catch {
  // storage is switched off: the system's looks hold
}
