import assert from "node:assert/strict";
import { test } from "node:test";
import { Book, type Difference, type Level, rungs } from "../src/market/book.ts";
import { type Chance, chance } from "./support.ts";

/** The venue's side of it: a book that changes, and the differences of each change. */
class Venue {
  private readonly bids = new Map<bigint, bigint>();
  private readonly asks = new Map<bigint, bigint>();
  private last = 0;

  private readonly draw: Chance;

  constructor(draw: Chance) {
    this.draw = draw;
  }

  whole() {
    return { last: this.last, bids: sorted(this.bids, true), asks: sorted(this.asks, false) };
  }

  change(): Difference {
    const first = this.last + 1;
    this.last += 1 + this.draw.below(3);
    const bids = this.some(this.bids, 900n);
    const asks = this.some(this.asks, 1000n);
    return { first, last: this.last, bids, asks };
  }

  private some(side: Map<bigint, bigint>, from: bigint): Level[] {
    const changed = new Map<bigint, bigint>();
    for (let i = this.draw.below(4); i > 0; i--) {
      const price = from + BigInt(this.draw.below(100));
      const quantity = BigInt(this.draw.below(3));
      if (quantity === 0n) side.delete(price);
      else side.set(price, quantity);
      changed.set(price, quantity);
    }
    return [...changed];
  }
}

function sorted(side: Map<bigint, bigint>, isBid: boolean): Level[] {
  return [...side].sort((a, b) => Number(isBid ? b[0] - a[0] : a[0] - b[0]));
}

test("a book equals the venue's after each of 10,000 differences, also where some are lost", () => {
  const draw = chance();
  const venue = new Venue(draw);
  const book = new Book();
  let repaired = 0;
  for (let i = 0; i < 10_000; i++) {
    const difference = venue.change();
    if (draw.below(100) === 0) continue; // lost on its way
    const taken = book.take(difference);
    if (taken === "missing" || taken === "waiting") {
      // The whole book comes after some more changes, and was made before the last of them.
      const whole = venue.whole();
      for (let more = draw.below(4); more > 0; more--) book.take(venue.change());
      assert.equal(book.begin(whole), "applied");
      repaired += 1;
    }
    const truth = venue.whole();
    assert.equal(book.updateId, truth.last);
    book.check();
    assert.deepEqual(book.bids.best(1000), truth.bids);
    assert.deepEqual(book.asks.best(1000), truth.asks);
  }
  assert.ok(repaired > 50, `${repaired} times`);
});

test("a difference that is not the next one is never applied", () => {
  const book = new Book();
  assert.equal(book.take({ first: 5, last: 6, bids: [[1n, 1n]], asks: [] }), "waiting");
  assert.equal(book.begin({ last: 3, bids: [], asks: [] }), "missing");
  assert.equal(book.isWhole, false);
  assert.equal(book.begin({ last: 4, bids: [], asks: [] }), "applied");
  assert.deepEqual(book.bids.best(9), [[1n, 1n]]);
  assert.equal(book.take({ first: 6, last: 6, bids: [[1n, 7n]], asks: [] }), "old");
  assert.equal(book.take({ first: 8, last: 9, bids: [], asks: [] }), "missing");
  assert.equal(book.bids.size, 0);
});

test("a whole book from before what is known does not take the book back", () => {
  const book = new Book();
  assert.equal(book.begin({ last: 4, bids: [[1n, 1n]], asks: [] }), "applied");
  assert.equal(book.take({ first: 5, last: 6, bids: [[1n, 2n]], asks: [] }), "applied");
  assert.equal(book.begin({ last: 5, bids: [[1n, 1n]], asks: [] }), "old");
  assert.deepEqual([book.updateId, book.bids.best(9)], [6, [[1n, 2n]]]);
  assert.equal(book.take({ first: 7, last: 7, bids: [[1n, 3n]], asks: [] }), "applied");
  assert.equal(book.begin({ last: 9, bids: [[1n, 4n]], asks: [] }), "applied");
  book.reset();
  assert.equal(book.begin({ last: 5, bids: [[1n, 1n]], asks: [] }), "applied");
});

test("a ladder joins levels in steps, away from the other side", () => {
  const book = new Book();
  book.begin({
    last: 1,
    bids: [
      [99n, 1n],
      [98n, 2n],
      [90n, 3n],
      [89n, 4n],
    ],
    asks: [
      [101n, 5n],
      [110n, 6n],
      [111n, 7n],
    ],
  });
  assert.deepEqual(rungs(book.bids, true, 10n, 2), [
    { price: 90n, quantity: 6n, total: 6n },
    { price: 80n, quantity: 4n, total: 10n },
  ]);
  assert.deepEqual(rungs(book.asks, false, 10n, 9), [
    { price: 110n, quantity: 11n, total: 11n },
    { price: 120n, quantity: 7n, total: 18n },
  ]);
  assert.deepEqual(rungs(book.asks, false, 1n, 1), [{ price: 101n, quantity: 5n, total: 5n }]);
});
