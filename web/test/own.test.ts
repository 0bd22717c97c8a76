import assert from "node:assert/strict";
import { test } from "node:test";
import { Own } from "../src/account/own.ts";
import { shown } from "./support.ts";

globalThis.requestAnimationFrame ??= (task) => setTimeout(task, 0) as unknown as number;

const order = (id: number, status = "new") => shown({ order_id: id, status });

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

test("what was cut off before its images were all told begins anew", () => {
  const own = new Own();
  own.take({ channel: "heartbeat", position: "a" });
  own.take({ channel: "withdrawals", position: "b", image: [], is_last: true });
  own.take({ channel: "orders", position: "b", image: [order(1)], is_last: false });
  own.take({ channel: "heartbeat", position: "b" });
  assert.equal(own.position, null);
  own.reset();
  own.take({ channel: "orders", position: "c", image: [order(2)], is_last: true });
  assert.equal(own.position, null);
  own.take({ channel: "balances", position: "c", image: [], is_last: true });
  assert.deepEqual([...own.open.keys()], [2]);
  assert.equal(own.position, "c");
  own.take({ channel: "heartbeat", position: "d" });
  assert.equal(own.position, "d");
});

test("a follower hears each event, and when it may have missed some", () => {
  const own = new Own();
  const heard: (string | undefined)[] = [];
  const leave = own.follow({ take: ({ event }) => heard.push(event), reset: () => heard.push("reset") });
  own.take({ channel: "orders", position: "a", image: [order(1)], is_last: true });
  own.take({ channel: "balances", position: "a", image: [], is_last: true });
  own.take({
    channel: "orders",
    position: "b",
    event: "cancelled",
    reason: "self_trade",
    order: order(1, "cancelled"),
  });
  own.reset();
  leave();
  own.take({ channel: "orders", position: "c", event: "accepted", order: order(2) });
  assert.deepEqual(heard, ["reset", "cancelled", "reset"]);
});

test("why the last orders were cancelled is kept, and no more of it than is bounded", () => {
  const own = new Own();
  for (let id = 1; id <= 1_500; id++) {
    own.take({ channel: "orders", event: "cancelled", reason: "user", order: order(id, "cancelled") });
  }
  assert.equal(own.reasons.size, 1_000);
  assert.equal(own.reasons.get(1_500), "user");
});
