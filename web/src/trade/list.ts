// A ticket of two orders that belong together: which list it is, what is wrong with it, and what it would cost.
import type { Instrument } from "../market/instrument.ts";
import {
  type Cost,
  cost,
  type Draft,
  type Free,
  judge,
  type Order,
  type Side,
  type Time,
  TYPES,
  type Wrongs,
} from "./ticket.ts";

/** One order; two of which one cancels the other; two of which the first one's fill begins the second. */
export const KINDS = ["one", "oco", "oto"] as const;
export type Kind = (typeof KINDS)[number];

export interface Leg {
  draft: Draft;
  side: Side;
}

/** The orders of a ticket, one or two, or what is wrong, order by order. */
export type JudgedTicket = { orders: Order[]; wrong?: undefined } | { orders?: undefined; wrong: Wrongs[] };

const RESTING: readonly Time[] = ["gtc", "day", "gtd"];

/** Which types an order of a ticket may have. */
export function typesOf(kind: Kind, place: number): readonly Draft["type"][] {
  if (kind === "one") return TYPES;
  if (place === 0) return ["limit"];
  return kind === "oco" ? ["stop", "stop_limit", "trailing_stop"] : TYPES;
}

/** Which times in force it may have, of those of its type: the first order of a list rests, and no other is for an auction
 *  or all or nothing. */
export function timesIn(kind: Kind, place: number, times: readonly Time[]): readonly Time[] {
  if (kind === "one") return times;
  return times.filter((time) => RESTING.includes(time) || (kind === "oto" && place === 1 && time === "ioc"));
}

/** The drafts as the venue takes them in a list: the second of an OCO has the side and quantity of the first. */
export function legsOf(kind: Kind, first: Leg, second: Leg): Leg[] {
  if (kind === "one") return [first];
  const one = { ...first, draft: fitted(kind, 0, first.draft) };
  const other = fitted(kind, 1, second.draft);
  if (kind === "oto") return [one, { ...second, draft: { ...other, budget: "" } }];
  return [one, { side: first.side, draft: { ...other, quantity: first.draft.quantity } }];
}

function fitted(kind: Kind, place: number, draft: Draft): Draft {
  const types = typesOf(kind, place);
  const type = types.includes(draft.type) ? draft.type : (types[0] as Draft["type"]);
  const times = timesIn(kind, place, ["gtc", "day", "gtd", "ioc"]);
  return { ...draft, type, time: times.includes(draft.time) ? draft.time : "gtc" };
}

/** What `legs` are as orders. */
export function judgeAll(legs: readonly Leg[], instrument: Instrument, now: number): JudgedTicket {
  const judged = legs.map(({ draft, side }) => judge(draft, side, instrument, now));
  const orders = judged.flatMap(({ order }) => (order === undefined ? [] : [order]));
  return orders.length === legs.length ? { orders } : { wrong: judged.map(({ wrong }) => wrong ?? {}) };
}

/** What a ticket costs: of an OCO the greater hold, of an OTO the first order's, as nothing is held for what waits. */
export function costAll(
  kind: Kind,
  orders: readonly Order[],
  instrument: Instrument,
  last: bigint | null,
  free: Free | null,
): Cost | null {
  const costs = orders.map((order) => cost(order, instrument, last, free));
  const [first = null, second = null] = costs;
  if (kind !== "oco" || first === null || second === null) return first;
  return second.holds.units > first.holds.units ? second : first; // of one side they have one scale
}
