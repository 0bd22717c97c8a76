// The shortcuts, as keys are pressed: none where somebody types, none before a dialog, and none for who has turned them off.
import { signal } from "@preact/signals";
import { keep, kept } from "../kept.ts";
import { go } from "../router.ts";
import { type Deed, MARKET, Pressed, SEARCH } from "./shortcuts.ts";

const KEY = "lockstep-keys";
const SOON_MS = 2_000;
const TYPED_IN = "input, textarea, select, [contenteditable]";

/** Whether keys on their own do something: who speaks to a computer, or hits keys by accident, turns that off. */
export const areOn = signal(kept(KEY) !== "off");
export const isHelpOpen = signal(false);

export function turn(on: boolean): void {
  areOn.value = on;
  keep(KEY, on ? "on" : "off");
}

/** Whether a key is for a field that somebody types in, or for a dialog. */
export function isForOthers(event: KeyboardEvent): boolean {
  if (event.defaultPrevented || event.isComposing) return true;
  if (event.target instanceof Element && event.target.closest(TYPED_IN) !== null) return true;
  return document.querySelector("dialog[open]") !== null;
}

export function listen(): void {
  const pressed = new Pressed();
  document.addEventListener("keydown", (event) => {
    if (!areOn.value || event.repeat || isForOthers(event)) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
    const found = pressed.take(event.key, event.timeStamp);
    if (found === undefined) return;
    event.preventDefault(); // the key is not typed into what is focused now
    carryOut(found.deed);
  });
}

function carryOut(deed: Deed): void {
  if (deed.kind === "help") isHelpOpen.value = true;
  else if (deed.kind === "go") go(deed.to);
  else if (reach(deed.kind, deed.testid) || deed.testid !== SEARCH) return;
  else {
    go(MARKET); // the search is on the market's page
    reachSoon(SEARCH, performance.now() + SOON_MS);
  }
}

/** Focus what is about to be shown: the venue may have to be asked first. */
function reachSoon(testid: string, until: number): void {
  if (!reach("focus", testid) && performance.now() < until) requestAnimationFrame(() => reachSoon(testid, until));
}

/** Whether there is such an element. */
function reach(kind: "click" | "focus", testid: string): boolean {
  const found = document.querySelector(`[data-testid="${testid}"]`);
  if (!(found instanceof HTMLElement)) return false;
  found.focus();
  if (kind === "click") found.click();
  return true;
}
