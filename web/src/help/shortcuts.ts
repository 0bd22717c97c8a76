// Which keys do what, and finding that in what is pressed. Nothing here knows the document.

/** What a shortcut does: shows this list, goes to a place, or clicks on or focuses an element that scripts know, too. */
export type Deed = { kind: "help" } | { kind: "go"; to: string } | { kind: "click" | "focus"; testid: string };

export interface Shortcut {
  /** One key, or two after each other. */
  keys: string;
  what: string;
  deed: Deed;
}

/** Where the first market is. */
export const MARKET = "/";
export const SEARCH = "symbol-search";

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: "?", what: "This list", deed: { kind: "help" } },
  { keys: "/", what: "Search for a market", deed: { kind: "focus", testid: SEARCH } },
  { keys: "g m", what: "Go to the markets", deed: { kind: "go", to: MARKET } },
  { keys: "g p", what: "Go to your portfolio", deed: { kind: "go", to: "/portfolio" } },
  { keys: "g a", what: "Go to your account", deed: { kind: "go", to: "/account" } },
  { keys: "g o", what: "Go to the operators' pages", deed: { kind: "go", to: "/operator" } },
  { keys: "b", what: "An order to buy", deed: { kind: "click", testid: "ticket-buy" } },
  { keys: "s", what: "An order to sell", deed: { kind: "click", testid: "ticket-sell" } },
  { keys: "p", what: "The order's price", deed: { kind: "focus", testid: "ticket-price" } },
  { keys: "q", what: "The order's quantity", deed: { kind: "focus", testid: "ticket-quantity" } },
];

const TOGETHER_MS = 1_500; // the second key comes within this

/** Keys as they are pressed, one after the other. */
export class Pressed {
  private first = "";
  private firstAt = 0;

  /** The shortcut that this key completes. */
  take(key: string, now: number): Shortcut | undefined {
    const isSecond = this.first !== "" && now - this.firstAt < TOGETHER_MS;
    const keys = isSecond ? `${this.first} ${key}` : key;
    this.first = "";
    const found = SHORTCUTS.find((each) => each.keys === keys);
    if (found === undefined && SHORTCUTS.some((each) => each.keys.startsWith(`${key} `))) {
      this.first = key;
      this.firstAt = now;
    }
    return found;
  }
}
