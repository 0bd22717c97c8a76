// Where one's own orders are in the book. A browser is not told whether an order waits: what surely does is left out.
import type { Instrument } from "../market/instrument.ts";
import type { OrderShown } from "../net/v1.ts";

/** What is left of one's own orders, by the price of the ladder's rung. */
export interface Levels {
  bids: ReadonlyMap<bigint, bigint>;
  asks: ReadonlyMap<bigint, bigint>;
}

const OF_AUCTIONS = new Set(["at_the_open", "at_the_close"]);

/** The orders of `open` that are in the instrument's book, prices joined in steps of `step` as the ladder joins them: a bid
 *  counts to the step below, an ask above. */
export function levels(open: ReadonlyMap<number, OrderShown>, instrument: Instrument, step: bigint): Levels {
  const bids = new Map<bigint, bigint>();
  const asks = new Map<bigint, bigint>();
  for (const order of open.values()) {
    if (order.symbol !== instrument.symbol || !isInBook(order, open)) continue;
    const price = instrument.price(order.price as string);
    const left = instrument.quantity(order.quantity as string) - instrument.quantity(order.filled);
    const rest = price % step;
    const isBid = order.side === "buy";
    const rung = rest === 0n ? price : isBid ? price - rest : price + step - rest;
    const side = isBid ? bids : asks;
    side.set(rung, (side.get(rung) ?? 0n) + left);
  }
  return { bids, asks };
}

function isInBook(order: OrderShown, open: ReadonlyMap<number, OrderShown>): boolean {
  if (order.type !== "limit" || OF_AUCTIONS.has(order.time_in_force)) return false;
  const first = order.list_id;
  return first === null || first === order.order_id || !open.has(first); // else it waits for the first one's fill
}
