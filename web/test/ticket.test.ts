import assert from "node:assert/strict";
import { test } from "node:test";
import { cost, EMPTY, judge, share } from "../src/trade/ticket.ts";
import { BTC, chance } from "./support.ts";

test("a limit order is what was typed", () => {
  const judged = judge({ ...EMPTY, price: "60000", quantity: ".5" }, "buy", BTC, 0);
  assert.deepEqual(judged.order, {
    symbol: "BTCUSDT",
    side: "buy",
    type: "limit",
    time_in_force: "gtc",
    price: "60000.00",
    quantity: "0.5000",
  });
});

test("each field says what is wrong with it, and nothing is rounded", () => {
  assert.deepEqual(judge({ ...EMPTY, price: "60,000", quantity: "0.00005" }, "buy", BTC, 0).wrong, {
    price: "Is the comma a decimal point or a thousands separator? Write 1234.5.",
    quantity: "At most 4 decimals.",
  });
  assert.deepEqual(judge({ ...EMPTY, type: "stop_limit", price: "0", quantity: "1" }, "sell", BTC, 0).wrong, {
    price: "Must be more than 0.",
    stop: "Enter a number.",
  });
  assert.equal(
    judge({ ...EMPTY, type: "trailing_stop", trail: "x", quantity: "1" }, "sell", BTC, 0).wrong?.trail,
    "Write digits with at most one point, such as 0.25.",
  );
  const past = { ...EMPTY, price: "1", quantity: "1", time: "gtd" as const, expires: "2020-01-01T00:00:00Z" };
  assert.deepEqual(judge(past, "buy", BTC, Date.now()).wrong, { expires: "This moment has passed." });
});

test("what belongs to another type is not sent", () => {
  const draft = { ...EMPTY, type: "market" as const, price: "nonsense", budget: "100", time: "gtd" as const };
  assert.deepEqual(judge(draft, "buy", BTC, 0).order, {
    symbol: "BTCUSDT",
    side: "buy",
    type: "market",
    time_in_force: "ioc",
    budget: "100.000000",
  });
});

test("costs are exact, and say when they are too much", () => {
  const { order } = judge({ ...EMPTY, price: "1.03", quantity: "0.0001" }, "buy", BTC, 0);
  assert.ok(order !== undefined);
  const found = cost(order, BTC, null, { units: 1n, scale: 8 });
  assert.deepEqual(found, {
    hold: "0.000103",
    asset: "USDT",
    fee: "0.0001",
    feeAsset: "BTC",
    left: "-0.00010299",
    isTooMuch: true,
    holds: { units: 103n, scale: 6 },
    isEstimate: false,
  });
  const sale = judge({ ...EMPTY, type: "market", quantity: "2" }, "sell", BTC, 0).order;
  assert.ok(sale !== undefined);
  assert.equal(cost(sale, BTC, null, { units: 3n, scale: 0 })?.left, "1.00");
});

test("a share of a balance is whole lots, and can be paid", () => {
  const draw = chance();
  for (let i = 0; i < 2_000; i++) {
    const free = { units: BigInt(1 + draw.below(2 ** 40)), scale: draw.below(9) };
    const price = BigInt(1 + draw.below(10_000_000));
    const percent = BigInt(1 + draw.below(100));
    const side = draw.below(2) ? "buy" : "sell";
    const quantity = share(percent, side, BTC, price, free);
    assert.ok(quantity !== null);
    const draft = { ...EMPTY, price: BTC.priceText(price), quantity };
    const { order } = judge(draft, side, BTC, 0);
    if (order === undefined) continue; // less than a lot
    assert.equal(cost(order, BTC, null, free)?.isTooMuch, false, `${quantity} at ${price} of ${free.units}`);
  }
});
