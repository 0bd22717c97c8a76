// What tests share: an instrument, orders, and random numbers that a seed repeats; the seed is printed, and LOCKSTEP_SEED
// chooses it.
import { Instrument } from "../src/market/instrument.ts";
import type { OrderShown } from "../src/net/v1.ts";

export const BTC = new Instrument({
  symbol: "BTCUSDT",
  base: "BTC",
  quote: "USDT",
  tick: "0.01000000",
  lot: "0.0001",
  phase: "continuous",
  maker_fee_ppm: 1000,
  taker_fee_ppm: 2000,
  most_quantity: null,
  most_value: null,
});

/** An open limit order to buy, but for what is given. */
export function shown(terms: Partial<OrderShown>): OrderShown {
  return {
    order_id: 1,
    client_order_id: "c",
    symbol: "BTCUSDT",
    side: "buy",
    type: "limit",
    time_in_force: "gtc",
    price: "1",
    quantity: "2",
    budget: null,
    filled: "0",
    value: "0",
    status: "new",
    stop_price: null,
    trail: null,
    display: null,
    minimum: null,
    expires: null,
    post_only: false,
    slide: false,
    self_trade: "none",
    list_id: null,
    entered: 1,
    changed: 1,
    ...terms,
  };
}

export interface Chance {
  /** A whole number from 0 up to, and without, `bound`. */
  below(bound: number): number;
}

export function chance(): Chance {
  const seed = Number(process.env.LOCKSTEP_SEED ?? Date.now() % 2 ** 31);
  process.stdout.write(`# LOCKSTEP_SEED=${seed}\n`);
  let state = seed >>> 0;
  return {
    below(bound: number): number {
      // xorshift32, twice, for 53 bits.
      const next = () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state >>> 0;
      };
      if (state === 0) state = 0x9e3779b9;
      return Math.floor((((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992) * bound);
    },
  };
}
