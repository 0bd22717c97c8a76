import assert from "node:assert/strict";
import { test } from "node:test";
import { Tape, type Trade } from "../src/market/tape.ts";

const trade = (id: number, price = "9"): Trade => ({ id, time: id, price, quantity: "1", isSell: false });

/** As a tape shows it: `7 9` was made at 9, `7 9>8` has the price 8 by now. */
function rows(tape: Tape): string[] {
  return tape.trades.map(
    ({ id, price, corrected }) => `${id} ${price}${corrected === undefined ? "" : `>${corrected}`}`,
  );
}

test("a tape has each trade once, newest first, and strikes out what was undone", () => {
  const tape = new Tape();
  tape.add(trade(7));
  tape.add(trade(9));
  tape.merge([trade(8), trade(9), trade(7), trade(6)], false, tape.trades[0]);
  tape.add(trade(9));
  assert.deepEqual(rows(tape), ["9 9", "8 9", "7 9", "6 9"]);
  tape.correct(9, "9", "undone");
  tape.correct(8, "9", "2");
  assert.equal(tape.last?.id, 8);
  assert.deepEqual(rows(tape), ["9 9>undone", "8 9>2", "7 9", "6 9"]);
  for (let id = 10; id < 400; id++) tape.add(trade(id));
  assert.equal(tape.trades.length, 200);
});

test("corrections that nobody told are seen by what trades are when they are asked for", () => {
  const tape = new Tape();
  for (const id of [1, 2, 4, 5, 7, 8]) tape.add(trade(id));
  const [newest] = tape.trades;
  tape.add(trade(10)); // while the answer is on its way, and it was made before
  tape.merge([trade(2), trade(5, "6"), trade(7)], false, newest);
  assert.deepEqual(rows(tape), ["10 9", "8 9>undone", "7 9", "5 9>6", "4 9>undone", "2 9", "1 9"]);
  tape.merge([trade(2), trade(5, "6"), trade(7), trade(10)], true, tape.trades[0]);
  assert.deepEqual(rows(tape), ["10 9", "8 9>undone", "7 9", "5 9>6", "4 9>undone", "2 9", "1 9>undone"]);
  tape.merge([trade(8), trade(10)], false, tape.trades[0]); // what the venue says last counts
  assert.deepEqual(rows(tape).slice(0, 2), ["10 9", "8 9"]);
  const only = new Tape();
  only.add(trade(1));
  only.merge([], true, only.trades[0]);
  assert.deepEqual([rows(only), only.last], [["1 9>undone"], undefined]);
});

test("a correction is the same whether it is told before or after the trade, and an older answer does not undo it", () => {
  for (const answer of [
    [trade(1), trade(2)], // of before the corrections
    [trade(2, "8")],
  ]) {
    const before = new Tape();
    before.correct(1, "9", "undone");
    before.correct(2, "9", "8");
    before.merge(answer, true, undefined);
    const after = new Tape();
    after.merge(answer, true, undefined);
    after.correct(1, "9", "undone");
    after.correct(2, "9", "8");
    const shown = ["2 9>8", "1 9>undone"].slice(0, answer.length);
    assert.deepEqual([rows(before), rows(after)], [shown, shown]);
    after.merge([trade(1), trade(2)], true, undefined);
    assert.equal(rows(after)[0], "2 9>8");
  }
});

test("trades of an instrument that was moved, whose ids begin anew, come after those of before", () => {
  const tape = new Tape();
  const moved = { ...trade(3), time: 1000 };
  tape.add(trade(900));
  tape.add(moved);
  tape.merge([trade(899), trade(900), moved], false, moved);
  assert.deepEqual(rows(tape), ["3 9", "900 9", "899 9"]);
  const same = { ...trade(900, "7"), time: 1001 };
  tape.add(same);
  tape.correct(900, "9", "8");
  tape.merge([trade(900, "8"), moved, same], false, same);
  assert.deepEqual(rows(tape), ["900 7", "3 9", "900 9>8", "899 9"]);
});
