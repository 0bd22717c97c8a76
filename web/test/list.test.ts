import assert from "node:assert/strict";
import { test } from "node:test";
import { Problem } from "../src/net/http.ts";
import type { OrderShown } from "../src/net/v1.ts";
import { fixed, judgeChange, termsOf } from "../src/trade/change.ts";
import { levels } from "../src/trade/levels.ts";
import { costAll, judgeAll, type Leg, legsOf } from "../src/trade/list.ts";
import { became, becameList } from "../src/trade/outcome.ts";
import { placeOf, spoken } from "../src/trade/refusal.ts";
import { EMPTY } from "../src/trade/ticket.ts";
import { BTC, shown } from "./support.ts";

const first: Leg = { side: "sell", draft: { ...EMPTY, price: "110", quantity: "2", time: "ioc" } };
const stop: Leg = { side: "buy", draft: { ...EMPTY, type: "stop", stop: "90", quantity: "7", time: "gtc" } };

test("an OCO is a limit order that rests and a stop, of one side and quantity", () => {
  const { orders } = judgeAll(legsOf("oco", first, stop), BTC, 0);
  assert.deepEqual(
    orders?.map(({ side, type, quantity, time_in_force }) => [side, type, quantity, time_in_force]),
    [
      ["sell", "limit", "2.0000", "gtc"],
      ["sell", "stop", "2.0000", "gtc"],
    ],
  );
  const asTyped = legsOf("oco", { ...first, draft: { ...first.draft, type: "market" } }, { ...stop, draft: EMPTY });
  assert.deepEqual(
    asTyped.map(({ draft }) => draft.type),
    ["limit", "stop"],
  );
});

test("an OTO's second order has its own side and quantity, and no budget", () => {
  const then: Leg = { side: "buy", draft: { ...EMPTY, type: "market", budget: "100", time: "at_the_open" } };
  assert.deepEqual(judgeAll(legsOf("oto", first, then), BTC, 0).wrong, [{}, { quantity: "Enter a number." }]);
  const { orders } = judgeAll(legsOf("oto", first, { ...then, draft: { ...then.draft, quantity: "1" } }), BTC, 0);
  assert.deepEqual(
    orders?.map(({ side, type, quantity, time_in_force }) => [side, type, quantity, time_in_force]),
    [
      ["sell", "limit", "2.0000", "gtc"],
      ["buy", "market", "1.0000", "ioc"],
    ],
  );
});

test("what is wrong is said order by order", () => {
  const wrong = judgeAll(legsOf("oco", first, { ...stop, draft: { ...stop.draft, stop: "90.005" } }), BTC, 0).wrong;
  assert.deepEqual(wrong, [{}, { stop: "At most 2 decimals." }]);
});

test("an OCO holds the greater of both, an OTO the first", () => {
  const buy: Leg = { ...first, side: "buy" };
  const dear: Leg = { ...stop, draft: { ...stop.draft, stop: "120" } };
  const oco = judgeAll(legsOf("oco", buy, dear), BTC, 0).orders ?? [];
  assert.equal(costAll("oco", oco, BTC, null, null)?.hold, "240.00");
  const oto = judgeAll(legsOf("oto", buy, dear), BTC, 0).orders ?? [];
  assert.equal(costAll("oto", oto, BTC, null, null)?.hold, "220.00");
});

test("a refusal finds its field, by its name or by its code, and says what to do", () => {
  const refusal = (code: string, field?: string) => placeOf(new Problem(400, code, "", field));
  assert.deepEqual(refusal("TOO_MANY_DECIMALS", "stop_price"), { leg: 0, place: "stop" });
  assert.deepEqual(refusal("PRICE_OFF_TICK", "orders[1].price"), { leg: 1, place: "price" });
  assert.deepEqual(refusal("WOULD_TAKE"), { leg: 0, place: "price" });
  assert.deepEqual(refusal("HALTED"), { leg: 0, place: undefined });
  assert.deepEqual(refusal("DUPLICATE_CLIENT_ID", "client_order_id"), { leg: 0, place: undefined });
  assert.equal(
    spoken("WOULD_TAKE: a post-only order would trade at once; send another price, or let it slide"),
    "A post-only order would trade at once. Send another price, or let it slide.",
  );
  assert.equal(spoken("Log in."), "Log in.");
  assert.equal(spoken("X: it is old; send it, under a new client order id"), "It is old. Send it.");
});

test("what became of an order is said as it is", () => {
  assert.equal(became(shown({}), undefined), "It rests in the book.");
  assert.equal(became(shown({ type: "stop" }), undefined), "It waits for its price.");
  assert.equal(became(shown({ time_in_force: "at_the_open" }), undefined), "It waits for its auction.");
  assert.match(became(shown({ status: "cancelled", time_in_force: "fok" }), "fill_or_kill"), /^Nothing was traded/);
  assert.equal(
    became(shown({ status: "cancelled", filled: "0.5000" }), "self_trade"),
    "0.5000 was traded; the rest is cancelled (self trade).",
  );
  assert.match(
    becameList([shown({}), shown({ type: "stop" })], () => undefined),
    /^Both are in/,
  );
  assert.match(
    becameList([shown({}), shown({ status: "rejected" })], () => undefined),
    /Second: The venue refused/,
  );
});

test("a change is what differs, and nothing that the order does not have", () => {
  const order = shown({ price: "100.00000000", quantity: "2.00000000", filled: "0.50000000" });
  assert.deepEqual(termsOf(order, BTC), { price: "100.00", quantity: "2.0000" });
  assert.deepEqual(judgeChange(order, { price: "101", quantity: "2" }, BTC).terms, { price: "101.00" });
  assert.deepEqual(judgeChange(order, { price: "1,0" }, BTC).wrong, {
    price: "Is the comma a decimal point or a thousands separator? Write 1234.5.",
  });
  assert.match(judgeChange(order, { quantity: "0.5" }, BTC).wrong?.quantity ?? "", /^It counts what is filled/);
  assert.deepEqual(judgeChange(order, {}, BTC).wrong, { quantity: "Nothing is other than it was." });
  const trailing = shown({ type: "trailing_stop", price: null, stop_price: "95.00", trail: "5.00" });
  assert.deepEqual(termsOf(trailing, BTC), { trail: "5.00", quantity: "2.0000" });
  assert.equal(fixed(order, false), null);
  assert.match(fixed(order, true) ?? "", /list/);
  assert.match(fixed(shown({ quantity: null, budget: "100" }), false) ?? "", /budget/);
});

test("one's own orders are where the ladder has them, and none that waits is in it", () => {
  const of = (...orders: OrderShown[]) => new Map(orders.map((order) => [order.order_id, order]));
  const open = of(
    shown({ order_id: 1, price: "100.03", filled: "0.5" }),
    shown({ order_id: 2, price: "100.07" }),
    shown({ order_id: 3, price: "100.13", side: "sell" }),
    shown({ order_id: 4, price: "100.00", type: "stop_limit" }),
    shown({ order_id: 5, price: "100.00", time_in_force: "at_the_close" }),
    shown({ order_id: 6, price: "100.00", symbol: "ETHUSDT" }),
    shown({ order_id: 8, price: "100.00", list_id: 3 }),
  );
  const grouped = levels(open, BTC, 10n);
  assert.deepEqual([...grouped.bids], [[10_000n, 35_000n]]);
  assert.deepEqual([...grouped.asks], [[10_020n, 20_000n]]);
  const exact = levels(open, BTC, 1n);
  assert.deepEqual([...exact.bids.keys()], [10_003n, 10_007n]);
});
