// The last price of a market that this page does not follow, or not yet.
import { ask, NoAnswer, Problem } from "../net/http.ts";
import type { Instrument } from "./instrument.ts";

/** Ask the venue for the last price, in units of the instrument's price scale; null where there is none. */
export async function lastPriceOf(instrument: Instrument): Promise<bigint | null> {
  try {
    const { price } = await ask<{ price: string }>(`/api/v3/ticker/price?symbol=${instrument.symbol}`);
    const units = instrument.price(price);
    return units === 0n ? null : units;
  } catch (error) {
    if (error instanceof Problem || error instanceof NoAnswer) return null;
    throw error;
  }
}
