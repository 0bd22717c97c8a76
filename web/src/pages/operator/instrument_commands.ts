// What operators do with assets, instruments and fee tiers.
import type {
  InstrumentInFull,
  LimitsWanted,
  NewAsset,
  NewInstrument,
  NewMatcher,
  NewPhase,
  NewRates,
  NewSchedule,
  NewTerms,
} from "../../net/v1.ts";
import type { Command, Entry } from "./command.ts";
import { PLANNED, planText } from "./plan.ts";

type Phase = NewPhase["phase"];

const PHASES: Readonly<Record<Exclude<Phase, "halt">, string>> = {
  continuous: "continuous",
  opening_auction: "opening auction",
  closing_auction: "closing auction",
  volatility_auction: "volatility auction",
  pre_open: "pre-open",
  cancel_only: "cancel only",
  closed: "closed",
};
const STAYS = "What you leave empty stays as it is.";
const CONFIGURATION = "Put it into the configuration too: a start applies what that says.";

/** Begin a phase. */
function phase(symbol: string, to: Phase, title: string, verb: string, says: string): Command {
  return {
    title: `${title} ${symbol}`,
    says,
    verb,
    method: "PUT",
    path: `/v1/operator/instruments/${symbol}/phase`,
    body: { phase: to },
    typed: symbol,
    isOnce: true,
  };
}

export function halt(symbol: string): Command {
  return phase(symbol, "halt", "Halt", "Halt", "Nobody trades, enters or cancels until it is resumed. Orders stay.");
}

export function resume(symbol: string): Command {
  return phase(symbol, "continuous", "Resume", "Resume", "Trading is continuous from now on; an auction ends first.");
}

export function begin(symbol: string): Command<"phase"> {
  return {
    title: `Begin a phase of ${symbol}`,
    says: "It begins now. If there is a schedule, its next phase ends it.",
    verb: "Begin it",
    method: "PUT",
    path: `/v1/operator/instruments/${symbol}/phase`,
    entries: [{ name: "phase", label: "Phase", kind: "choice", of: PHASES, value: "opening_auction" }],
    typed: symbol,
    isOnce: true,
  };
}

export function terms(now: InstrumentInFull): Command<keyof NewTerms> {
  return {
    title: `Terms of ${now.symbol}`,
    says: `They count for orders that come after this. ${STAYS}`,
    verb: "Change them",
    method: "PUT",
    path: `/v1/operator/instruments/${now.symbol}`,
    entries: [
      { name: "maker_fee_ppm", label: "Maker fee, parts of a million", kind: "count", isOptional: true },
      { name: "taker_fee_ppm", label: "Taker fee, parts of a million", kind: "count", isOptional: true },
      { name: "collar_bps", label: "Collar of market orders, 1/10,000", kind: "count", isOptional: true },
      { name: "reference_price", label: "Reference price", kind: "amount", isOptional: true },
    ],
  };
}

export function limits(now: InstrumentInFull): Command<keyof LimitsWanted> {
  const entries: readonly Entry<keyof LimitsWanted>[] = [
    { name: "max_quantity", label: "Maximum quantity of an order (0: any)", kind: "amount", isOptional: true },
    { name: "max_value", label: "Maximum value of an order (0: any)", kind: "amount", isOptional: true },
    { name: "static_band_bps", label: "Band around the reference price, 1/10,000", kind: "count", isOptional: true },
    { name: "dynamic_band_bps", label: "Band around the last trade, 1/10,000", kind: "count", isOptional: true },
    {
      name: "band_action",
      label: "At a band",
      kind: "choice",
      of: { "": "as it is", reject: "the rest is cancelled", auction: "a volatility auction begins" },
      isOptional: true,
    },
    { name: "volatility_auction_ms", label: "How long that auction lasts, ms", kind: "count", isOptional: true },
    { name: "day_end", label: "When DAY orders expire (UTC)", isOptional: true },
  ];
  return {
    title: `Limits of ${now.symbol}`,
    says: `Open orders stay. ${STAYS}`,
    verb: "Change them",
    method: "PUT",
    path: `/v1/operator/instruments/${now.symbol}/limits`,
    entries,
  };
}

export function schedule(now: InstrumentInFull): Command<keyof NewSchedule> {
  return {
    title: `Schedule of ${now.symbol}`,
    says: `A line for each phase: 08:00 continuous mon tue. Phases: ${PLANNED.join(", ")}. No line: none.`,
    verb: "Replace it",
    method: "PUT",
    path: `/v1/operator/instruments/${now.symbol}/schedule`,
    entries: [{ name: "entries", label: "Schedule (UTC)", kind: "plan", value: planText(now.schedule) }],
    isOnce: true,
  };
}

export function move(now: InstrumentInFull): Command<keyof NewMatcher> {
  return {
    title: `Move ${now.symbol} to another matcher`,
    says: "It must be in halt, and is resumed afterwards. All its orders go with it.",
    verb: "Move it",
    method: "PUT",
    path: `/v1/operator/instruments/${now.symbol}/matcher`,
    entries: [{ name: "matcher", label: "Matcher", kind: "count", value: String(now.matcher) }],
    isOnce: true,
  };
}

export function delist(symbol: string): Command {
  return {
    title: `Delist ${symbol}`,
    says: "For ever: all its orders are cancelled, and it never trades again.",
    verb: "Delist it for ever",
    method: "POST",
    path: `/v1/operator/instruments/${symbol}/delist`,
    typed: symbol,
    isOnce: true,
  };
}

export const LIST: Command<keyof NewInstrument> = {
  title: "List an instrument",
  says: `It trades at once, until it is halted; its steps are for good. ${CONFIGURATION}`,
  verb: "List it",
  method: "POST",
  path: "/v1/operator/instruments",
  entries: [
    { name: "symbol", label: "Symbol" },
    { name: "base", label: "Base asset" },
    { name: "quote", label: "Quote asset" },
    { name: "tick", label: "Tick size", kind: "amount" },
    { name: "lot", label: "Lot size", kind: "amount" },
    { name: "reference_price", label: "Reference price, if any", kind: "amount", isOptional: true },
    { name: "matcher", label: "Matcher, if not the first", kind: "count", isOptional: true },
  ],
  again: "symbol",
};

export const LIST_ASSET: Command<keyof NewAsset> = {
  title: "List an asset",
  says: `It is listed for good. ${CONFIGURATION}`,
  verb: "List it",
  method: "POST",
  path: "/v1/operator/assets",
  entries: [
    { name: "name", label: "Name" },
    { name: "scale", label: "Decimals of its smallest unit", kind: "count", value: "8" },
  ],
  again: "name",
};

export const TIER: Command<"tier" | keyof NewRates> = {
  title: "Set a fee tier",
  says: "Its rates count for orders that come after this.",
  verb: "Set it",
  method: "PUT",
  path: "/v1/operator/fee-tiers/{tier}",
  entries: [
    { name: "tier", label: "Tier, 1 to 255", kind: "count" },
    { name: "maker_fee_ppm", label: "Maker fee, parts of a million", kind: "count" },
    { name: "taker_fee_ppm", label: "Taker fee, parts of a million", kind: "count" },
  ],
  isOnce: true,
};
