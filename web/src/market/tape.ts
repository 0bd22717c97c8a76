// The last trades of an instrument, newest first, with what was corrected afterwards.

export interface Trade {
  id: number;
  time: number;
  /** That it was made at, as far as that is known. */
  price: string;
  quantity: string;
  /** Whether the buyer was the maker: the taker sold. */
  isSell: boolean;
  /** Undone, or its new price. A trade is corrected once. */
  corrected?: "undone" | string;
}

const KEPT = 200;

/** Ids alone don't tell: an instrument that was moved to another matcher has that one's from then on. */
function newestFirst(a: Trade, b: Trade): number {
  return b.time - a.time || b.id - a.id;
}

function keyOf({ id, time }: Trade): string {
  return `${time}/${id}`;
}

export class Tape {
  private kept: Trade[] = [];
  /** The last corrections that were told, also of trades that come only later. */
  private readonly corrections = new Map<number, Pick<Trade, "price" | "corrected">>();
  /** Whether trades of before have come, if there are any. */
  isWhole = false;

  get trades(): readonly Trade[] {
    return this.kept;
  }

  get last(): Trade | undefined {
    return this.kept.find((trade) => trade.corrected !== "undone");
  }

  /** A trade that was made; one that is known already counts once. */
  add(trade: Trade): void {
    const first = this.kept[0];
    if (first === undefined || newestFirst(trade, first) < 0) {
      this.kept.unshift(trade);
      if (this.kept.length > KEPT) this.kept.pop();
    }
  }

  /** Take the last trades, in any order, as corrections left them. `isAll`: there are no others. They were asked for when
   * `newest` was the newest one here: what they lack up to it was undone, and what came since then may be newer than they. */
  merge(trades: readonly Trade[], isAll: boolean, newest: Trade | undefined): void {
    this.isWhole = true;
    const told = trades.map((trade) => this.corrected(trade)).sort(newestFirst);
    const oldest = isAll ? undefined : told.at(-1);
    const ends = [told[0], newest].filter((each) => each !== undefined);
    const isIn = (trade: Trade) =>
      (oldest === undefined || newestFirst(trade, oldest) <= 0) && ends.some((end) => newestFirst(trade, end) >= 0);
    const all = new Map(told.map((trade) => [keyOf(trade), trade]));
    for (const trade of this.kept) {
      const key = keyOf(trade);
      const now = all.get(key);
      if (now === undefined) all.set(key, isIn(trade) ? { ...trade, corrected: "undone" } : trade);
      else if (now.price !== trade.price) all.set(key, { ...now, price: trade.price, corrected: now.price });
    }
    this.kept = [...all.values()].sort(newestFirst).slice(0, KEPT);
  }

  /** What was made at `price` has another one now, or was undone. */
  correct(id: number, price: string, corrected: "undone" | string): void {
    this.corrections.set(id, { price, corrected });
    const [oldest] = this.corrections.keys();
    if (oldest !== undefined && this.corrections.size > KEPT) this.corrections.delete(oldest);
    this.kept = this.kept.map((trade) => this.corrected(trade));
  }

  private corrected(trade: Trade): Trade {
    const found = this.corrections.get(trade.id);
    const isIt = found !== undefined && (trade.price === found.price || trade.price === found.corrected);
    return isIt ? { ...trade, ...found } : trade;
  }
}
