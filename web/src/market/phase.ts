// A market's phase: what it is called, what it means for a trader, and which orders it refuses (docs/rules.md, "Phases").
import type { Order } from "../trade/ticket.ts";

/** A phase as `@phase` reports it. */
export interface Phase {
  /** "" until the stream has reported it. */
  name: string;
  /** Whether a price outside its band began it. */
  isByBand: boolean;
  /** When it ends by itself, in milliseconds of the epoch; 0: when an operator or the schedule ends it. */
  endsMs: number;
}

export const UNKNOWN: Phase = { name: "", isByBand: false, endsMs: 0 };

const STILL: Readonly<Record<string, string>> = {
  CLOSED: "The market is closed. You can cancel orders, but not enter or change them.",
  HALT: "Trading is halted. Orders can't be entered, changed or cancelled until it resumes.",
  CANCEL_ONLY: "The market takes cancellations only. Orders can't be entered or changed.",
  DELISTED: "This instrument is delisted. It no longer trades.",
};
const COLLECTING: Readonly<Record<string, string>> = {
  PRE_OPEN: "Pre-open: the market collects orders and does not trade yet.",
  OPENING_AUCTION: "Opening auction: orders are collected, and trade together at one price when it ends.",
  VOLATILITY_AUCTION: "Volatility auction: orders are collected, and trade together at one price when it ends.",
  CLOSING_AUCTION: "Closing auction: orders are collected, and trade together at one price when it ends.",
};

/** The words for a phase: `volatility auction`. */
export function nameOf({ name }: Phase): string {
  return name.toLowerCase().replaceAll("_", " ");
}

/** Whether orders are collected for one price in place of trading as they come. */
export function isCollecting({ name }: Phase): boolean {
  return name in COLLECTING;
}

/** What a trader must know about a phase; null for continuous trading. */
export function meaning(phase: Phase): string | null {
  const text = STILL[phase.name] ?? COLLECTING[phase.name];
  if (text === undefined) return null;
  return phase.isByBand ? `${text} The price left its band.` : text;
}

/** Why this phase refuses an order; null if it takes it. */
export function refusal(phase: Phase, order: Order): string | null {
  if (phase.name in STILL) return STILL[phase.name] ?? null;
  if (!isCollecting(phase)) return null;
  const { type, time_in_force: time } = order;
  const isForAuction = time === "at_the_open" || time === "at_the_close";
  const isImmediate = time === "ioc" || time === "fok" || (type === "market" && !isForAuction);
  if (!isImmediate && order.post_only !== true && order.minimum === undefined) return null;
  return `The market is in its ${nameOf(phase)}: it takes only orders that can rest until the auction. Enter a limit order without post-only, IOC, FOK or a minimum, or wait for continuous trading.`;
}
