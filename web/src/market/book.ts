// An order book kept by differences: a whole book, then what changed, joined by update id. It knows no socket.

/** Price and quantity, as units of their steps. */
export type Level = readonly [price: bigint, quantity: bigint];

/** What changed; `first` and `last` are the update ids that it covers. A quantity of 0: the level is gone. */
export interface Difference {
  first: number;
  last: number;
  bids: readonly Level[];
  asks: readonly Level[];
}

export interface Whole {
  last: number;
  bids: readonly Level[];
  asks: readonly Level[];
}

/** `missing`: differences were lost, take a whole book again. */
export type Taken = "applied" | "waiting" | "old" | "missing";

const MOST_WAITING = 1024; // differences, until the whole book has come

/** One side, best first. */
class Side {
  private readonly prices: bigint[] = [];
  private readonly quantities = new Map<bigint, bigint>();

  private readonly isBid: boolean;

  constructor(isBid: boolean) {
    this.isBid = isBid;
  }

  get size(): number {
    return this.prices.length;
  }

  clear(): void {
    this.prices.length = 0;
    this.quantities.clear();
  }

  set(price: bigint, quantity: bigint): void {
    const isKnown = this.quantities.has(price);
    if (quantity === 0n) {
      if (!isKnown) return;
      this.quantities.delete(price);
      this.prices.splice(this.place(price), 1);
    } else {
      this.quantities.set(price, quantity);
      if (!isKnown) this.prices.splice(this.place(price), 0, price);
    }
  }

  /** The best `count` levels. */
  best(count: number): Level[] {
    return this.prices.slice(0, count).map((price) => [price, this.quantities.get(price) ?? 0n] as const);
  }

  check(): void {
    if (this.prices.length !== this.quantities.size) throw new Error("prices and quantities differ");
    for (let i = 1; i < this.prices.length; i++) {
      const before = this.prices[i - 1] as bigint;
      const now = this.prices[i] as bigint;
      if (this.isBid ? before <= now : before >= now) throw new Error("levels are not in order");
    }
  }

  /** Where a price is, or belongs. */
  private place(price: bigint): number {
    let low = 0;
    let high = this.prices.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const found = this.prices[middle] as bigint;
      if (this.isBid ? found > price : found < price) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The book of one instrument. It is empty, and shows nothing, until a whole one has come. */
export class Book {
  readonly bids = new Side(true);
  readonly asks = new Side(false);
  private waiting: Difference[] = [];
  private last = -1;

  /** Whether the levels are those of the venue's book at update id `updateId`. */
  get isWhole(): boolean {
    return this.last >= 0;
  }

  get updateId(): number {
    return this.last;
  }

  /** Nothing is known any more: what comes waits for a whole book. */
  reset(): void {
    this.last = -1;
    this.waiting = [];
    this.bids.clear();
    this.asks.clear();
  }

  /** Begin with a whole book, and what has come since it was made. One from before what is known already is `old`: what came
   * since it was made was applied, and is not kept. */
  begin(whole: Whole): Taken {
    if (whole.last < this.last) return "old";
    const waiting = this.waiting;
    this.reset();
    for (const [price, quantity] of whole.bids) this.bids.set(price, quantity);
    for (const [price, quantity] of whole.asks) this.asks.set(price, quantity);
    this.last = whole.last;
    for (const [i, difference] of waiting.entries()) {
      if (this.take(difference) === "missing") {
        this.waiting = waiting.slice(i);
        return "missing";
      }
    }
    return "applied";
  }

  /** Apply a difference, or keep it until a whole book has come. */
  take(difference: Difference): Taken {
    if (!this.isWhole) {
      this.waiting.push(difference);
      if (this.waiting.length > MOST_WAITING) this.waiting.shift();
      return "waiting";
    }
    if (difference.last <= this.last) return "old";
    if (difference.first > this.last + 1) {
      this.reset();
      this.waiting.push(difference);
      return "missing";
    }
    for (const [price, quantity] of difference.bids) this.bids.set(price, quantity);
    for (const [price, quantity] of difference.asks) this.asks.set(price, quantity);
    this.last = difference.last;
    return "applied";
  }

  /** Throw unless what it keeps agrees with itself. */
  check(): void {
    this.bids.check();
    this.asks.check();
  }
}

/** A level of the ladder, and what is in it and all better ones. */
export interface Rung {
  price: bigint;
  quantity: bigint;
  total: bigint;
}

/** The best `count` rungs of a side, levels joined in steps of `step`: a bid counts to the step below, an ask above. */
export function rungs(side: Side, isBid: boolean, step: bigint, count: number): Rung[] {
  const found: Rung[] = [];
  let total = 0n;
  for (const [price, quantity] of side.best(step === 1n ? count : Number.MAX_SAFE_INTEGER)) {
    const rest = price % step;
    const shown = rest === 0n ? price : isBid ? price - rest : price + step - rest;
    const last = found.at(-1);
    if (last?.price === shown) {
      last.quantity += quantity;
      total += quantity;
      last.total = total;
      continue;
    }
    if (found.length === count) break;
    total += quantity;
    found.push({ price: shown, quantity, total });
  }
  return found;
}

export type { Side };
