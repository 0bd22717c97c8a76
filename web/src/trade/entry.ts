// Order entry: each intent is carried out under its own client order ids, until it is known what came of it.
import { callsOfOne } from "../net/session.ts";
import type { Change, Listed, OrderShown, Placed } from "../net/v1.ts";
import { carryOut, newId, type Outcome, type Stage } from "./intent.ts";
import type { Kind } from "./list.ts";
import type { Order } from "./ticket.ts";

type Tell = (stage: Stage) => void;

const pathOf = (id: string) => `/v1/orders/by-client-id/${id}`;

type Send<T> = (isWanted: () => boolean) => Promise<T>;

function carried<T>(send: Send<T>, find: () => Promise<T>, tell: Tell): Promise<Outcome<T>> {
  const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
  return carryOut({ send, find, wait, now: () => performance.now(), date: () => Date.now(), tell });
}

/** Refused by the venue later than this: a computer may fall asleep with a request on its way. */
const until = (validUntil: number | undefined) => (validUntil === undefined ? {} : { valid_until: validUntil });

/** Place one order, or two as a list. */
export function place(
  kind: Kind,
  orders: readonly Order[],
  validUntil: number | undefined,
  tell: Tell,
): Promise<Outcome<OrderShown[]>> {
  const call = callsOfOne();
  const named = orders.map((order) => ({ ...order, client_order_id: newId(), ...until(validUntil) }));
  const send = async (isWanted: () => boolean) =>
    kind === "one"
      ? [(await call<Placed>("/v1/orders", { method: "POST", body: named[0], isWanted })).order]
      : (await call<Listed>("/v1/order-lists", { method: "POST", body: { kind, orders: named }, isWanted })).orders;
  const find = () => Promise.all(named.map((order) => call<OrderShown>(pathOf(order.client_order_id))));
  return carried(send, find, tell);
}

/** Give an open order other terms. */
export function change(
  orderId: number,
  terms: Change,
  validUntil: number | undefined,
  tell: Tell,
): Promise<Outcome<OrderShown>> {
  const call = callsOfOne();
  const id = newId();
  const body = { ...terms, client_order_id: id, ...until(validUntil) };
  const send = async (isWanted: () => boolean) =>
    (await call<Placed>(`/v1/orders/${orderId}`, { method: "PUT", body, isWanted })).order;
  return carried(send, () => call<OrderShown>(pathOf(id)), tell);
}
