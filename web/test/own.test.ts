import assert from "node:assert/strict";
import { test } from "node:test";
import { Own, type Told } from "../src/account/own.ts";
import type { OrderShown } from "../src/net/v1.ts";
import { chance } from "./support.ts";

globalThis.requestAnimationFrame ??= (task) => setTimeout(task, 0) as unknown as number;

function order(id: number, status = "new", filled = "0"): OrderShown {
  return {
    order_id: id,
    client_order_id: `c${id}`,
    symbol: "BTCUSDT",
    side: "buy",
    type: "limit",
    time_in_force: "gtc",
    price: "1",
    quantity: "2",
    budget: null,
    filled,
    value: "0",
    status,
    stop_price: null,
    trail: null,
    display: null,
    minimum: null,
    expires: null,
    post_only: false,
    slide: false,
    self_trade: "none",
    list_id: null,
    entered: id,
    changed: id,
  };
}

test("open orders and balances are those of the images, and what events made of them", () => {
  const own = new Own();
  own.take({ channel: "orders", position: "a", image: [order(1)], is_last: false });
  assert.equal(own.open.size, 0);
  own.take({ channel: "orders", position: "a", image: [order(2)], is_last: true });
  assert.deepEqual([...own.open.keys()], [1, 2]);
  assert.equal(own.free("BTC"), null);
  const balance = { asset: "BTC", free: "1.50000000", held: "0.00000000", total: "1.50000000" };
  own.take({ channel: "balances", position: "a", image: [balance], is_last: true });
  assert.deepEqual(own.free("BTC"), { units: 150000000n, scale: 8 });
  assert.deepEqual(own.free("ETH"), { units: 0n, scale: 0 });
  own.take({ channel: "orders", position: "b", event: "cancelled", order: order(1, "cancelled") });
  own.take({ channel: "orders", position: "c", event: "accepted", order: order(3) });
  own.take({ channel: "orders", position: "d", event: "rejected", order: order(4, "rejected") });
  own.take({ channel: "balances", position: "e", event: "balance", balance: { ...balance, free: "0.00000001" } });
  assert.deepEqual([...own.open.keys()], [2, 3]);
  assert.deepEqual(own.free("BTC"), { units: 1n, scale: 8 });
  assert.equal(own.position, "e");
});

test("a fill that comes by the stream and by a request is one fill", () => {
  const own = new Own();
  const draw = chance();
  const fill = (id: number) => ({
    trade_id: id,
    order_id: 1,
    symbol: "BTCUSDT",
    side: "buy" as const,
    liquidity: "maker",
    price: "1",
    quantity: "1",
    value: "1",
    fee: "0",
    fee_asset: "BTC",
    time: id,
    seq: id,
  });
  const seen = new Set<number>();
  for (let i = 0; i < 500; i++) {
    const id = draw.below(300);
    seen.add(id);
    if (draw.below(2)) own.merge([fill(id)]);
    else own.take({ channel: "orders", event: "trade", order: order(1), fill: fill(id) } satisfies Told);
  }
  assert.equal(own.fills.length, seen.size);
});
