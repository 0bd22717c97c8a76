// What became of an order that was sent, in words.
import type { OrderShown } from "../net/v1.ts";

/** Of one order; `reason` is why it was cancelled, where that was told. */
export function became(order: OrderShown, reason: string | undefined): string {
  const { status, type, time_in_force: time, filled } = order;
  const isAuction = time === "at_the_open" || time === "at_the_close";
  if (status === "new") {
    if (isAuction) return "It waits for its auction.";
    return type === "limit" ? "It rests in the book." : "It waits for its price.";
  }
  if (status === "partially_filled") return `It rests in the book, ${filled} filled.`;
  if (status === "filled") return `It is filled: ${filled}.`;
  if (status === "rejected") return "The venue refused it; its answer, which said why, was lost.";
  if (time === "fok") return "Nothing was traded: it could not be filled at once and whole (FOK).";
  const why = reason === undefined ? "" : ` (${inWords(reason)})`;
  return Number(filled) === 0
    ? `Nothing was traded: it is ${inWords(status)}${why}.`
    : `${filled} was traded; the rest is ${inWords(status)}${why}.`;
}

/** Of both orders of a list. */
export function becameList(orders: readonly OrderShown[], reasonOf: (order: OrderShown) => string | undefined): string {
  const [first, second] = orders;
  if (orders.every(({ status }) => status === "new"))
    return "Both are in: the first rests in the book, the other waits.";
  const words = [first, second].flatMap((order) => (order === undefined ? [] : [became(order, reasonOf(order))]));
  return words.map((said, i) => `${i === 0 ? "First" : "Second"}: ${said}`).join(" ");
}

/** How many orders a command has cancelled. */
export function cancelledText(count: number): string {
  return count === 1 ? "1 order was cancelled." : `${count} orders were cancelled.`;
}

/** The venue's word, for people. */
export function inWords(word: string): string {
  return word.replaceAll("_", " ");
}
