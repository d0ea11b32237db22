// Runs before the first paint, as a classic script: it must import and export nothing.
(() => {
  const chosen = localStorage.getItem("stoa.theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const theme = chosen === "light" || chosen === "dark" ? chosen : dark ? "dark" : "light";
  document.documentElement.dataset["theme"] = theme;
})();
