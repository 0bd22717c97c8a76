// A look around, at the first visit and whenever it is asked for. It stands above the market and covers none of it, so
// that nobody needs to answer it, and it can be left at any step.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { keep, kept } from "../kept.ts";
import { go, path } from "../router.ts";
import { isForOthers } from "./keyboard.ts";
import { MARKET } from "./shortcuts.ts";

const KEY = "lockstep-tour";

interface Step {
  title: string;
  text: string;
  /** What it is about: main.css draws a line around it. */
  of: string;
}

const STEPS: readonly Step[] = [
  {
    title: "A market, live",
    text: "Candles, the book of orders, and each trade as it happens. Blue bids, orange offers. Watching needs no login.",
    of: "market",
  },
  {
    title: "One ticket for every order",
    text: "Log in, or register, above. A price in the book that you click on comes here; what the order costs and holds is said before you send it.",
    of: "ticket",
  },
  {
    title: "Yours",
    text: "Your open orders, fills and balances follow the venue. Nothing is shown as resting or filled before the venue says so.",
    of: "own",
  },
  {
    title: "More places",
    text: "Portfolio has what all of it is worth, and statements; Account your sessions, keys and withdrawals. They are above when you are logged in.",
    of: "places",
  },
  {
    title: "By keyboard",
    text: "Press ? for the keys, and for this tour again.",
    of: "help",
  },
];

/** Which step is shown; null: none. */
const step = signal<number | null>(kept(KEY) === null ? 0 : null);
/** Whether somebody has asked for it, so that the keyboard is to follow. */
const isAskedFor = signal(false);

/** From its first step. */
export function begin(): void {
  isAskedFor.value = true;
  step.value = 0;
  if (!isMarket(path.value)) go(MARKET);
}

function leave(): void {
  step.value = null;
  keep(KEY, "seen");
  document.getElementById("main")?.focus({ preventScroll: true });
}

function isMarket(of: string): boolean {
  return of === MARKET || of.startsWith("/trade/");
}

export function Tour() {
  const at = step.value;
  const shown = at === null || !isMarket(path.value) ? undefined : STEPS[at];
  const box = useRef<HTMLElement>(null);
  const of = shown?.of;
  useEffect(() => {
    if (of === undefined) return;
    document.documentElement.dataset.tour = of;
    const pressed = (event: KeyboardEvent) => {
      if (event.key === "Escape" && !isForOthers(event)) leave();
    };
    document.addEventListener("keydown", pressed);
    return () => {
      delete document.documentElement.dataset.tour;
      document.removeEventListener("keydown", pressed);
    };
  }, [of]);
  useEffect(() => {
    if (isAskedFor.value && at === 0) box.current?.focus();
  }, [at, isAskedFor.value]);
  if (at === null || shown === undefined) return null;
  const isLast = at === STEPS.length - 1;
  return (
    <aside class="tour" aria-label="Tour" data-testid="tour" ref={box} tabIndex={-1}>
      <p aria-live="polite">
        <strong>{shown.title}.</strong> {shown.text}{" "}
        <span class="quiet">
          {at + 1} of {STEPS.length}
        </span>
      </p>
      <div class="answers">
        {at > 0 && (
          <button
            type="button"
            class="button"
            onClick={() => {
              step.value = at - 1;
            }}
          >
            Back
          </button>
        )}
        {!isLast && (
          <button
            type="button"
            class="button first"
            data-testid="tour-next"
            onClick={() => {
              step.value = at + 1;
            }}
          >
            Next
          </button>
        )}
        <button type="button" class={isLast ? "button first" : "button"} data-testid="tour-leave" onClick={leave}>
          {isLast ? "Done" : "Leave the tour"}
        </button>
      </div>
    </aside>
  );
}
