import assert from "node:assert/strict";
import { test } from "node:test";
import { distance, farPrices } from "../src/trade/price_check.ts";
import type { Side } from "../src/trade/ticket.ts";
import { BTC } from "./support.ts";

const MARKET = BTC.price("60000");

/** The names of prices that are far from a market at 60,000. */
function far(side: Side, price?: string, stop?: string): string[] {
  const order = {
    side,
    ...(price === undefined ? {} : { price }),
    ...(stop === undefined ? {} : { stop_price: stop }),
  };
  return farPrices([order], BTC, MARKET).map(({ name }) => name);
}

test("a price that is worse than the market by more than 5 % is far", () => {
  assert.deepEqual(far("buy", "63000.00"), []);
  assert.deepEqual(far("buy", "63000.01"), ["price"]);
  assert.deepEqual(far("sell", "57000.00"), []);
  assert.deepEqual(far("sell", "56999.99"), ["price"]);
});

test("a better price is far where a digit is missing or too many", () => {
  assert.deepEqual(far("buy", "30000.00"), []);
  assert.deepEqual(far("buy", "6000.00"), ["price"]);
  assert.deepEqual(far("sell", "120000.00"), []);
  assert.deepEqual(far("sell", "600000.00"), ["price"]);
});

test("a limit behind a stop is compared with the stop", () => {
  assert.deepEqual(far("sell", "49900.00", "50000.00"), []);
  assert.deepEqual(far("sell", "4990.00", "50000.00"), ["price"]);
  assert.deepEqual(far("sell", "49900.00", "500000.00"), ["stop price", "price"]);
  assert.deepEqual(far("buy", undefined, "6100.00"), ["stop price"]);
});

test("without a market nothing is compared", () => {
  assert.deepEqual(farPrices([{ side: "buy", price: "1.00" }], BTC, null), []);
  assert.deepEqual(farPrices([{ side: "buy", price: "1.00" }], BTC, 0n), []);
});

test("the distance is in percent", () => {
  const [found] = farPrices([{ side: "buy", price: "67500.00" }], BTC, MARKET);
  assert.ok(found !== undefined);
  assert.equal(distance(found), "12.5 % above");
});
