// What a ticket says: which order it is, what is wrong with it, and what it would cost. Numbers are exact.
import type { Instrument } from "../market/instrument.ts";
import type { NewOrder } from "../net/v1.ts";
import { explain, format, read, type Wrong } from "../number/decimal.ts";

export const TYPES = ["limit", "market", "stop", "stop_limit", "trailing_stop"] as const;
export type Type = (typeof TYPES)[number];
export type Side = "buy" | "sell";
export const TIMES = ["gtc", "day", "ioc", "fok", "gtd", "at_the_open", "at_the_close"] as const;
export type Time = (typeof TIMES)[number];
/** What is to happen where an order meets one's own: "" is what the account has. */
export type SelfTrade = "" | Exclude<NewOrder["self_trade"], null | undefined>;

/** Fields as they were typed. */
export interface Draft {
  type: Type;
  price: string;
  stop: string;
  trail: string;
  quantity: string;
  budget: string;
  time: Time;
  expires: string;
  display: string;
  minimum: string;
  isPostOnly: boolean;
  isSliding: boolean;
  selfTrade: SelfTrade;
}

export const EMPTY: Draft = {
  type: "limit",
  price: "",
  stop: "",
  trail: "",
  quantity: "",
  budget: "",
  time: "gtc",
  expires: "",
  display: "",
  minimum: "",
  isPostOnly: false,
  isSliding: false,
  selfTrade: "",
};

export const PLACES = [
  "type", "price", "stop", "trail", "quantity", "budget", "expires", "display", "minimum", "time",
] as const; // biome-ignore format: one line
export type Place = (typeof PLACES)[number];
export type Wrongs = Partial<Record<Place, string>>;

/** An order of `/v1/orders`, without its client order id. What it does not say is left out, never null. */
export type Order = { [Key in keyof Omit<NewOrder, "client_order_id">]: Exclude<NewOrder[Key], null> };

export type Judged = { order: Order; wrong?: undefined } | { order?: undefined; wrong: Wrongs };

/** Which fields a type has. */
export function has(draft: Draft, place: Place): boolean {
  const { type } = draft;
  switch (place) {
    case "price":
      return type === "limit" || type === "stop_limit";
    case "stop":
      return type === "stop" || type === "stop_limit";
    case "trail":
      return type === "trailing_stop";
    case "budget":
      return type === "market";
    case "quantity":
    case "type":
      return true;
    case "time":
      return timesOf(type).length > 1;
    case "expires":
      return draft.time === "gtd" && timesOf(type).includes("gtd");
    case "display":
      return type === "limit" || type === "stop_limit";
    case "minimum":
      return type === "limit" || type === "market";
  }
}

/** Which times in force a type may have. */
export function timesOf(type: Type): readonly Time[] {
  if (type === "limit") return TIMES;
  if (type === "market") return ["ioc", "at_the_open", "at_the_close"];
  return ["gtc", "day", "gtd"];
}

/** The order that a draft is, or what is wrong with it, by field. */
export function judge(draft: Draft, side: Side, instrument: Instrument, now: number): Judged {
  const wrong: Wrongs = {};
  const { priceScale, quantityScale, tick, lot, tickText, lotText, valueScale } = instrument;
  const number = (place: Place, typed: string, scale: number, step: bigint, stepText: string): string | undefined => {
    const { units, wrong: why } = read(typed, scale, step);
    if (why !== undefined) wrong[place] = explain(why as Wrong, scale, stepText);
    else if (units === 0n) wrong[place] = "Must be more than 0.";
    else return format(units as bigint, scale);
    return undefined;
  };
  const price = (place: Place, typed: string) => number(place, typed, priceScale, tick, tickText);
  const quantity = (place: Place, typed: string) => number(place, typed, quantityScale, lot, lotText);
  const order: Order = { symbol: instrument.symbol, side, type: draft.type, time_in_force: timeOf(draft) };
  const set = <K extends keyof Order>(key: K, value: Order[K] | undefined) => {
    if (value !== undefined) order[key] = value;
  };
  if (has(draft, "price")) set("price", price("price", draft.price));
  if (has(draft, "stop")) set("stop_price", price("stop", draft.stop));
  if (has(draft, "trail")) set("trail", price("trail", draft.trail));
  if (has(draft, "budget") && draft.budget !== "" && draft.quantity === "") {
    set("budget", number("budget", draft.budget, valueScale, 1n, ""));
  } else {
    set("quantity", quantity("quantity", draft.quantity));
  }
  if (has(draft, "display") && draft.display !== "") set("display", quantity("display", draft.display));
  if (has(draft, "minimum") && draft.minimum !== "") set("minimum", quantity("minimum", draft.minimum));
  if (has(draft, "expires")) {
    const moment = Date.parse(draft.expires);
    if (Number.isNaN(moment)) wrong.expires = "Choose a moment.";
    else if (moment <= now) wrong.expires = "This moment has passed.";
    else order.expires = moment;
  }
  if (draft.type === "limit" && draft.isPostOnly) order.post_only = true;
  if (draft.type === "limit" && draft.isSliding) Object.assign(order, { post_only: true, slide: true });
  if (draft.selfTrade !== "") order.self_trade = draft.selfTrade;
  return Object.keys(wrong).length > 0 ? { wrong } : { order };
}

function timeOf(draft: Draft): Time {
  const times = timesOf(draft.type);
  return times.includes(draft.time) ? draft.time : (times[0] as Time);
}

/** What an order would do to balances, where that can be known: amounts of base in lots' decimals, of quote in values'. */
export interface Cost {
  /** What is paid or given up at most, and of which asset. */
  hold: string;
  asset: string;
  /** The fee at most, and of which asset. */
  fee: string;
  feeAsset: string;
  /** What stays free; null where the balance is not known. Negative: it is not enough. */
  left: string | null;
  isTooMuch: boolean;
  /** How much of what is free. */
  holds: Free;
  /** Whether this is an estimate by the last price, not a bound. */
  isEstimate: boolean;
}

/** What is free of an asset, in units of 10^-scale. */
export interface Free {
  units: bigint;
  scale: number;
}

/** What an order costs; null where no price is known to say. */
export function cost(order: Order, instrument: Instrument, last: bigint | null, free: Free | null): Cost | null {
  const isBuy = order.side === "buy";
  const lots = order.quantity === undefined ? null : instrument.quantity(order.quantity);
  const limit = order.price ?? order.stop_price;
  const price = limit === undefined ? last : instrument.price(limit);
  const isEstimate = order.price === undefined && order.budget === undefined && isBuy;
  const value =
    order.budget !== undefined
      ? scaled(order.budget, instrument.valueScale)
      : lots === null || price === null
        ? null
        : lots * price;
  const asset = isBuy ? instrument.quote : instrument.base;
  const units = isBuy ? value : lots;
  const scale = isBuy ? instrument.valueScale : instrument.quantityScale;
  if (units === null) return null;
  // A fee is of what is received. Rates are parts of a million; it is never more than this, rounded up.
  const rate = instrument.takerPpm > instrument.makerPpm ? instrument.takerPpm : instrument.makerPpm;
  const received = isBuy ? lots : value;
  const fee = received === null ? 0n : (received * rate + 999_999n) / 1_000_000n;
  const feeScale = isBuy ? instrument.quantityScale : instrument.valueScale;
  const left = free === null ? null : leftOf(free, units, scale);
  return {
    hold: format(units, scale, 2),
    asset,
    fee: format(fee, feeScale, 0),
    feeAsset: isBuy ? instrument.base : instrument.quote,
    left: left === null ? null : format(left.units, left.scale, 2),
    isTooMuch: left !== null && left.units < 0n,
    holds: { units, scale },
    isEstimate,
  };
}

function leftOf(free: Free, units: bigint, scale: number): Free {
  const most = Math.max(free.scale, scale);
  return { units: rescaled(free, most) - rescaled({ units, scale }, most), scale: most };
}

function scaled(text: string, scale: number): bigint {
  const found = read(text, scale);
  return found.units ?? 0n;
}

/** The quantity that a share of what is free comes to, in whole lots, as text; null where it can't be said. */
export function share(
  percent: bigint,
  side: Side,
  instrument: Instrument,
  price: bigint | null,
  free: Free | null,
): string | null {
  if (free === null) return null;
  const { lot, quantityScale, valueScale } = instrument;
  let units: bigint;
  if (side === "sell") {
    units = (rescaled(free, quantityScale) * percent) / 100n;
  } else {
    if (price === null || price === 0n) return null;
    units = (rescaled(free, valueScale) * percent) / 100n / price;
  }
  return format(units - (units % lot), quantityScale);
}

/** In units of another scale, rounded down. */
function rescaled(free: Free, scale: number): bigint {
  return free.scale <= scale
    ? free.units * 10n ** BigInt(scale - free.scale)
    : free.units / 10n ** BigInt(free.scale - scale);
}
