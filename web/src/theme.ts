// Light or dark: as the system says, or as the person chose.
import { signal } from "@preact/signals";
import { keep, kept } from "./kept.ts";

export type Theme = "system" | "light" | "dark";

const KEY = "lockstep-theme";
const colours = new Map<string, string>(); // of the theme as it is: to ask a browser for one has it style the page
const system = matchMedia("(prefers-color-scheme: dark)");

function chosen(): Theme {
  const found = kept(KEY);
  return found === "light" || found === "dark" ? found : "system";
}

export const theme = signal<Theme>(chosen());
/** What is shown now; charts draw by it. */
export const isDark = signal(false);

export function choose(one: Theme): void {
  theme.value = one;
  keep(KEY, one);
  apply();
}

export function apply(): void {
  colours.clear();
  if (theme.value === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme.value;
  isDark.value = theme.value === "dark" || (theme.value === "system" && system.matches);
}

system.addEventListener("change", apply);

/** A colour of the tokens as the theme has it, for what is drawn on a canvas. */
export function colour(token: string): string {
  const known = colours.get(token);
  if (known !== undefined) return known;
  const probe = document.createElement("span");
  probe.style.color = `var(${token})`;
  document.body.append(probe);
  const found = getComputedStyle(probe).color;
  probe.remove();
  colours.set(token, found);
  return found;
}
