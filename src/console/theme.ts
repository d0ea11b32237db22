import { useSyncExternalStore } from "react";

/** The theme as chosen on this device; `system` follows the operating system. */
export type Theme = "system" | "light" | "dark";

const key = "stoa.theme";
const listeners = new Set<() => void>();
const system = matchMedia("(prefers-color-scheme: dark)");

export function chosenTheme(): Theme {
  const stored = localStorage.getItem(key);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") localStorage.removeItem(key);
  else localStorage.setItem(key, theme);
  apply();
}

export function useTheme(): Theme {
  return useSyncExternalStore((listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  }, chosenTheme);
}

function apply(): void {
  const theme = chosenTheme();
  const shown = theme === "system" ? (system.matches ? "dark" : "light") : theme;
  document.documentElement.dataset["theme"] = shown;
  for (const listener of listeners) listener();
}

system.addEventListener("change", apply);
// Another tab chose.
window.addEventListener("storage", (event: StorageEvent) => {
  if (event.key === key) apply();
});
