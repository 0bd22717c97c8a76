// What is traded, and the steps of its prices and quantities.
import type { InstrumentShown } from "../net/v1.ts";
import { decimalsOf, format, parse, trimmed } from "../number/decimal.ts";

/** An instrument with its steps: prices are units of 10^-priceScale, quantities of 10^-quantityScale, values of both. */
export class Instrument {
  readonly symbol: string;
  readonly base: string;
  readonly quote: string;
  readonly tickText: string;
  readonly lotText: string;
  readonly priceScale: number;
  readonly quantityScale: number;
  readonly tick: bigint;
  readonly lot: bigint;
  readonly makerPpm: bigint;
  readonly takerPpm: bigint;

  constructor(listed: InstrumentShown) {
    this.symbol = listed.symbol;
    this.base = listed.base;
    this.quote = listed.quote;
    this.tickText = trimmed(listed.tick, 0);
    this.lotText = trimmed(listed.lot, 0);
    this.priceScale = decimalsOf(listed.tick);
    this.quantityScale = decimalsOf(listed.lot);
    this.tick = parse(listed.tick, this.priceScale);
    this.lot = parse(listed.lot, this.quantityScale);
    this.makerPpm = BigInt(listed.maker_fee_ppm);
    this.takerPpm = BigInt(listed.taker_fee_ppm);
  }

  /** Decimals of a value: price x quantity. */
  get valueScale(): number {
    return this.priceScale + this.quantityScale;
  }

  price(text: string): bigint {
    return parse(text, this.priceScale);
  }

  quantity(text: string): bigint {
    return parse(text, this.quantityScale);
  }

  priceText(units: bigint): string {
    return format(units, this.priceScale);
  }

  quantityText(units: bigint): string {
    return format(units, this.quantityScale);
  }
}
