// Prices that a trader may have mistyped: they are asked to type them again.
import type { Instrument } from "../market/instrument.ts";
import type { Order, Side } from "./ticket.ts";

/** Worse for the trader than the market by more than this: an order that would trade at a bad price. */
const WORSE_PERCENT = 5n;
/** More than this many times the market, or less than one part in so many, on either side: a digit too many or too few. */
const APART = 2n;

/** A price far from the market, in units of the instrument's price scale. */
export interface FarPrice {
  side: Side;
  name: "price" | "stop price";
  price: bigint;
  /** What it is compared with: the market, or the stop price that activates the order. */
  base: "market" | "stop price";
  basePrice: bigint;
}

/** The prices of these orders that are far from `market`, the last price; none where it is not known (null). */
export function farPrices(
  orders: readonly Pick<Order, "side" | "price" | "stop_price">[],
  instrument: Instrument,
  market: bigint | null,
): FarPrice[] {
  if (market === null || market <= 0n) return [];
  const found: FarPrice[] = [];
  for (const { side, price, stop_price } of orders) {
    const stop = stop_price === undefined ? undefined : instrument.price(stop_price);
    if (stop !== undefined && isApart(stop, market)) {
      found.push({ side, name: "stop price", price: stop, base: "market", basePrice: market });
    }
    if (price === undefined) continue;
    const limit = instrument.price(price);
    const basePrice = stop ?? market;
    if (isWorse(side, limit, basePrice) || isApart(limit, basePrice)) {
      found.push({ side, name: "price", price: limit, base: stop === undefined ? "market" : "stop price", basePrice });
    }
  }
  return found;
}

function isWorse(side: Side, price: bigint, market: bigint): boolean {
  return side === "buy"
    ? price * 100n > market * (100n + WORSE_PERCENT)
    : price * 100n < market * (100n - WORSE_PERCENT);
}

function isApart(price: bigint, market: bigint): boolean {
  return price > market * APART || price * APART < market;
}

/** How far a price is from what it is compared with: `12.5 % above`. */
export function distance({ price, basePrice }: FarPrice): string {
  const isAbove = price > basePrice;
  const perMille = ((isAbove ? price - basePrice : basePrice - price) * 1000n) / basePrice;
  return `${perMille / 10n}.${perMille % 10n} % ${isAbove ? "above" : "below"}`;
}
