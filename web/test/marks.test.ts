import assert from "node:assert/strict";
import { test } from "node:test";
import type { FillRow } from "../src/account/history.ts";
import { MOST_MARKED, marksOf } from "../src/trade/marks.ts";

const candle = (time: number) => ({ time, open: 1, high: 1, low: 1, close: 1, volume: 1 });
const fill = (time: number, side: string, more: Partial<FillRow> = {}) => ({ time, side, ...more }) as FillRow;

test("a fill is marked at the candle that it is in, purchases and sales apart", () => {
  const candles = [candle(1_000), candle(2_000), candle(4_000)];
  const fills = [
    fill(4_500, "buy"),
    fill(3_999, "sell"),
    fill(2_001, "buy"),
    fill(2_000, "sell"),
    fill(1_000, "buy", { isUndone: true }),
    fill(999, "buy"),
  ];
  assert.deepEqual(marksOf(fills, candles), [
    { time: 2_000, isBuy: true, fills: 1 },
    { time: 2_000, isBuy: false, fills: 2 },
    { time: 4_000, isBuy: true, fills: 1 },
  ]);
  assert.deepEqual(marksOf(fills, []), []);
});

test("so many of the last fills are marked, and no more", () => {
  const fills = Array.from({ length: 2 * MOST_MARKED }, () => fill(1_500, "buy"));
  assert.deepEqual(marksOf(fills, [candle(1_000)]), [{ time: 1_000, isBuy: true, fills: MOST_MARKED }]);
});
