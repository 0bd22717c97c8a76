import assert from "node:assert/strict";
import { test } from "node:test";
import { meaning, type Phase, refusal } from "../src/market/phase.ts";
import type { Order } from "../src/trade/ticket.ts";

const ALL = ["CLOSED", "PRE_OPEN", "OPENING_AUCTION", "CONTINUOUS", "VOLATILITY_AUCTION", "CLOSING_AUCTION", "HALT",
  "CANCEL_ONLY", "DELISTED"]; // biome-ignore format: one line
const phase = (name: string): Phase => ({ name, isByBand: false, endsMs: 0 });
const order = (terms: Partial<Order>): Order => ({
  symbol: "BTCUSDT",
  side: "buy",
  type: "limit",
  time_in_force: "gtc",
  quantity: "1",
  ...terms,
});
/** The phases that refuse an order, of all. */
const refusing = (terms: Partial<Order>) => ALL.filter((name) => refusal(phase(name), order(terms)) !== null);

const STILL = ["CLOSED", "HALT", "CANCEL_ONLY", "DELISTED"];
const COLLECTING = ["PRE_OPEN", "OPENING_AUCTION", "VOLATILITY_AUCTION", "CLOSING_AUCTION"];

test("each phase refuses the orders that the venue refuses in it", () => {
  assert.deepEqual(refusing({}), STILL);
  for (const type of ["stop", "stop_limit", "trailing_stop"] as const) assert.deepEqual(refusing({ type }), STILL);
  for (const time_in_force of ["at_the_open", "at_the_close"] as const) {
    assert.deepEqual(refusing({ time_in_force }), STILL);
    assert.deepEqual(refusing({ type: "market", time_in_force }), STILL);
  }
  const never = [...STILL, ...COLLECTING].sort();
  for (const terms of [
    { time_in_force: "ioc" },
    { time_in_force: "fok" },
    { type: "market", time_in_force: "ioc" },
    { post_only: true },
    { minimum: "1" },
  ] as const) {
    assert.deepEqual(refusing(terms).sort(), never);
  }
});

test("each phase but continuous trading has a meaning", () => {
  assert.deepEqual(
    ALL.filter((name) => meaning(phase(name)) === null),
    ["CONTINUOUS"],
  );
  assert.equal(meaning(phase("")), null);
  assert.match(meaning({ name: "VOLATILITY_AUCTION", isByBand: true, endsMs: 1 }) ?? "", /left its band/);
});
