// Other terms for an open order: what of it can be changed, and what is wrong with what was typed.
import type { Instrument } from "../market/instrument.ts";
import type { Change, OrderShown } from "../net/v1.ts";
import { explain, format, parse, read } from "../number/decimal.ts";

/** What may be changed, as /v1 calls it. */
export const TERMS = ["stop_price", "price", "trail", "quantity", "display"] as const;
export type Term = (typeof TERMS)[number];
export type Typed = Partial<Record<Term, string>>;
export type JudgedChange = { terms: Change; wrong?: undefined } | { terms?: undefined; wrong: Typed };

/** The terms that an order has and that may become others, as they are. */
export function termsOf(order: OrderShown, instrument: Instrument): Typed {
  const found: Typed = {};
  for (const term of TERMS) {
    const now = order[term];
    if (now === null || (term === "stop_price" && order.type === "trailing_stop")) continue; // that one moves by itself
    const { scale } = stepOf(term, instrument);
    found[term] = format(parse(now, scale), scale);
  }
  return found;
}

/** Why an order can't be changed, whatever is typed; null: it can. `isPaired`: both orders of its list are open. */
export function fixed(order: OrderShown, isPaired: boolean): string | null {
  if (order.budget !== null) return "An order with a budget can't be changed.";
  return isPaired ? "An order of a list can't be changed while both are open." : null;
}

/** The change that was typed: what differs from what the order has. */
export function judgeChange(order: OrderShown, typed: Typed, instrument: Instrument): JudgedChange {
  const wrong: Typed = {};
  const terms: Change = {};
  for (const [term, now] of Object.entries(termsOf(order, instrument)) as [Term, string][]) {
    const { scale, step, text } = stepOf(term, instrument);
    const { units, wrong: why } = read(typed[term] ?? now, scale, step);
    if (why !== undefined) wrong[term] = explain(why, scale, text);
    else if (units === 0n) wrong[term] = "Must be more than 0.";
    else if (format(units, scale) !== now) terms[term] = format(units, scale);
  }
  if (terms.quantity !== undefined && instrument.quantity(terms.quantity) <= instrument.quantity(order.filled)) {
    wrong.quantity = `It counts what is filled: more than ${order.filled}, or cancel the rest.`;
  }
  if (Object.keys(wrong).length > 0) return { wrong };
  return Object.keys(terms).length > 0 ? { terms } : { wrong: { quantity: "Nothing is other than it was." } };
}

function stepOf(term: Term, { quantityScale, lot, lotText, priceScale, tick, tickText }: Instrument) {
  return term === "quantity" || term === "display"
    ? { scale: quantityScale, step: lot, text: lotText }
    : { scale: priceScale, step: tick, text: tickText };
}
