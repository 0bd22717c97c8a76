import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candle, Candles, fills } from "../src/market/candles.ts";
import { chance } from "./support.ts";

const at = (time: number, volume = 1): Candle => ({ time, open: 1, high: 1, low: 1, close: 1, volume });

test("history and what came live, in any order, are each candle once, the latest word of it", () => {
  const draw = chance();
  for (let round = 0; round < 200; round++) {
    const candles = new Candles();
    const truth = new Map<number, Candle>();
    for (let i = 0; i < 50; i++) {
      const found = Array.from({ length: draw.below(5) }, () => at(draw.below(40), i + 1));
      for (const each of found) truth.set(each.time, each);
      if (draw.below(2)) candles.merge(found);
      else for (const each of found) candles.update(each);
    }
    assert.deepEqual(
      candles.all,
      [...truth.values()].sort((a, b) => a.time - b.time),
    );
  }
});

test("a chart that draws what is fresh, whenever it likes, shows all of them", () => {
  const draw = chance();
  for (let round = 0; round < 200; round++) {
    const candles = new Candles();
    let shown: Candle[] = [];
    let time = 0;
    for (let i = 0; i < 200; i++) {
      time += draw.below(2);
      if (draw.below(20) > 0) candles.update(at(time, i));
      else candles.merge([at(Math.max(0, time - draw.below(9)), i)]);
      if (draw.below(4) > 0) continue; // a tab that sleeps draws nothing
      const { fresh } = candles;
      if (fresh === null) shown = [...candles.all];
      for (const each of fresh ?? []) {
        const last = shown.at(-1);
        assert.ok(last === undefined || each.time >= last.time, "a chart takes no candle of before");
        if (last?.time === each.time) shown.pop();
        shown.push(each);
      }
      candles.drawn();
      assert.deepEqual(shown, candles.all);
      assert.deepEqual(candles.fresh, []);
    }
  }
});

test("who slept for longer than history is fetched sees no hole drawn together", () => {
  const candles = new Candles();
  const history = (from: number) => Array.from({ length: 5 }, (_, i) => at(from + i));
  const times = () => candles.all.map(({ time }) => time);
  const fill = (found: readonly Candle[]) => candles.fill(found, new Set(candles.all), 1);
  fill(history(0));
  candles.update(at(5));
  fill(history(6));
  assert.deepEqual(times(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  candles.update(at(26)); // the first word after a sleep comes before history
  fill(history(22));
  assert.deepEqual(times(), [22, 23, 24, 25, 26]);
  fill([]);
  assert.deepEqual(times(), [22, 23, 24, 25, 26]);
});

test("what comes live after history was asked for stays, however late that answer", () => {
  const candles = new Candles();
  candles.update(at(1, 3));
  candles.update(at(2, 4));
  const known = new Set(candles.all);
  candles.update(at(2, 10)); // it closes with this
  candles.update(at(3, 1));
  candles.fill([at(1, 5), at(2, 6)], known, 1);
  assert.deepEqual(
    candles.all.map(({ volume }) => volume),
    [5, 10, 1],
  );
});

test("candles that come for days are cut, and what is left is drawn again", () => {
  const candles = new Candles();
  for (let time = 0; time < 600; time++) candles.update(at(time));
  candles.drawn();
  candles.update(at(600));
  assert.equal(candles.fresh, null);
  assert.deepEqual([candles.all.length, candles.all[0]?.time, candles.last?.time], [500, 101, 600]);
});

test("a chart is filled by candles that were traded in", () => {
  assert.equal(fills(Array.from({ length: 60 }, (_, i) => at(i))), true);
  assert.equal(fills(Array.from({ length: 500 }, (_, i) => at(i, i < 59 ? 1 : 0))), false);
});
