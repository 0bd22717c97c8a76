// How orders and fills are put in tables.
import type { OrderShown } from "../../net/v1.ts";
import { decimalsOf, format, grouped, parse } from "../../number/decimal.ts";
import { inWords } from "../../trade/outcome.ts";

const CENTS = 2; // decimals at least

/** An amount of money, exact, without the zeros behind its cents. */
export function amountOf(text: string): string {
  const scale = Math.max(decimalsOf(text), CENTS);
  return grouped(format(parse(text, scale), scale));
}

export function SideOf({ side }: { side: string }) {
  return <span class={side}>{side}</span>;
}

/** Its type, and what about it is not as usual. */
export function typeOf(order: OrderShown): string {
  const more = [
    order.time_in_force === "gtc" || (order.type === "market" && order.time_in_force === "ioc")
      ? ""
      : inWords(order.time_in_force),
    order.post_only ? (order.slide ? "slides" : "post-only") : "",
    order.trail === null ? "" : `trail ${order.trail}`,
    order.display === null ? "" : `shows ${order.display}`,
  ];
  return [inWords(order.type), ...more.filter((each) => each !== "")].join(", ");
}
