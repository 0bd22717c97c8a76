// The last trades of an instrument, newest first, with what was corrected afterwards.

export interface Trade {
  id: number;
  time: number;
  price: string;
  quantity: string;
  /** Whether the buyer was the maker: the taker sold. */
  isSell: boolean;
  /** Undone, or its new price. */
  corrected?: "undone" | string;
}

const KEPT = 200;

export class Tape {
  private kept: Trade[] = [];
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
    if (first === undefined || trade.id > first.id) {
      this.kept.unshift(trade);
      if (this.kept.length > KEPT) this.kept.pop();
    }
  }

  /** Trades of before, in any order. */
  merge(trades: readonly Trade[]): void {
    this.isWhole = true;
    const byId = new Map([...trades, ...this.kept].map((trade) => [trade.id, trade]));
    this.kept = [...byId.values()].sort((a, b) => b.id - a.id).slice(0, KEPT);
  }

  /** The price that a trade has now; null: it was undone. */
  correct(id: number, price: string | null): void {
    this.kept = this.kept.map((trade) => (trade.id === id ? { ...trade, corrected: price ?? "undone" } : trade));
  }
}
