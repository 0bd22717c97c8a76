import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Clock } from "../src/market/clock.ts";

let venueMs = 1_700_000_000_000;
let ticksMs = 5_000; // since the page began: they stand still while the computer sleeps
mock.method(performance, "now", () => ticksMs);
mock.method(Date, "now", () => venueMs);

function pass(ms: number): void {
  venueMs += ms;
  ticksMs += ms;
}

/** Ask the venue, with an answer that takes so long to come and back. */
async function look(clock: Clock, thereMs: number, backMs: number): Promise<void> {
  mock.method(globalThis, "fetch", async () => {
    pass(thereMs);
    const told = JSON.stringify({ serverTime: venueMs });
    pass(backMs);
    return new Response(told);
  });
  await clock.look();
  pass(30_000);
}

test("the quickest answer tells the time best", async () => {
  const clock = new Clock();
  await look(clock, 1, 1);
  await look(clock, 900, 0);
  assert.equal(clock.now(), venueMs);
});

test("a computer that slept has the venue's time with the next answer, and its clock is not called wrong", async () => {
  const clock = new Clock();
  for (let times = 0; times < 8; times++) await look(clock, 1, 1);
  venueMs += 3_600_000; // asleep
  await look(clock, 150, 50);
  assert.ok(Math.abs(clock.now() - venueMs) <= 50);
  assert.equal(clock.isWrong(), false);
});

test("a deadline is by the venue's time, and there is none before that is known", async () => {
  const clock = new Clock();
  assert.equal(clock.deadline(20_000), undefined);
  await look(clock, 1, 1);
  assert.equal(clock.deadline(20_000), venueMs + 20_000);
});
