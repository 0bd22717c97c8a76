// How gains and losses are shown.
import { signed } from "../../number/decimal.ts";

/** A gain or a loss, told by its sign, and by colour. */
export function Change({ of }: { of: string | null }) {
  if (of === null) return <>no price yet</>;
  const isNothing = !/[1-9]/.test(of);
  return <span class={isNothing ? "" : of.startsWith("-") ? "sell" : "buy"}>{signed(of)}</span>;
}
