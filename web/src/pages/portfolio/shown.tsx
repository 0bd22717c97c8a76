// How money and moments are shown here.
import { signed } from "../../number/decimal.ts";

/** A moment, as the venue's clock has it. */
export const utc = new Intl.DateTimeFormat("en-GB", { dateStyle: "short", timeStyle: "medium", timeZone: "UTC" });

/** A gain or a loss, told by its sign, and by colour. */
export function Change({ of }: { of: string | null }) {
  if (of === null) return <>no price yet</>;
  const isNothing = !/[1-9]/.test(of);
  return <span class={isNothing ? "" : of.startsWith("-") ? "sell" : "buy"}>{signed(of)}</span>;
}
