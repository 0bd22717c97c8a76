// Where one's own fills are among the candles of a chart.
import type { FillRow } from "../account/history.ts";
import type { Candle } from "../market/candles.ts";

export const MOST_MARKED = 500; // the last fills

/** Where fills are among the candles: of each candle and side one mark, with how many fills it stands for. */
export interface Mark {
  /** The candle's time. */
  time: number;
  isBuy: boolean;
  fills: number;
}

/** Marks in the order of time; `fills` begin with the newest. What is before the first candle, or was undone, has none. */
export function marksOf(fills: readonly FillRow[], candles: readonly Candle[]): Mark[] {
  const found: Mark[] = [];
  let at = candles.length - 1;
  for (const { time, side, isUndone } of fills.slice(0, MOST_MARKED)) {
    while (at >= 0 && (candles[at] as Candle).time > time) at--;
    const candle = candles[at];
    if (candle === undefined) break;
    if (isUndone) continue;
    const isBuy = side === "buy";
    const same = found.slice(-2).find((mark) => mark.time === candle.time && mark.isBuy === isBuy);
    if (same === undefined) found.push({ time: candle.time, isBuy, fills: 1 });
    else same.fills += 1;
  }
  return found.reverse();
}
