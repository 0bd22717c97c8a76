// Candles of one interval: history and what comes live, joined by their times. A candle's numbers are for drawing only.

export interface Candle {
  /** Its first moment, in milliseconds since 1970. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export const INTERVALS = ["1s", "1m", "5m", "15m", "1h", "4h", "1d", "1w", "1M"] as const;
export type Interval = (typeof INTERVALS)[number];

const MOST_KEPT = 5000;
const FILLED = 60; // traded candles, of the last ones that fill the chart

/** A row of `/api/v3/klines`. */
export type Row = readonly [time: number, o: string, h: string, l: string, c: string, v: string, ...rest: unknown[]];

export function candleOf(row: Row): Candle {
  const [time, open, high, low, close, volume] = row;
  return {
    time,
    open: Number(open),
    high: Number(high),
    low: Number(low),
    close: Number(close),
    volume: Number(volume),
  };
}

/** Candles in the order of time, each once. */
export class Candles {
  private kept: Candle[] = [];

  get all(): readonly Candle[] {
    return this.kept;
  }

  get last(): Candle | undefined {
    return this.kept.at(-1);
  }

  clear(): void {
    this.kept = [];
  }

  /** Take these: of a time that is known already, the later word counts. */
  merge(candles: readonly Candle[]): void {
    const byTime = new Map(this.kept.map((each) => [each.time, each]));
    for (const each of candles) byTime.set(each.time, each);
    this.kept = [...byTime.values()].sort((a, b) => a.time - b.time).slice(-MOST_KEPT);
  }

  /** One that came live. False if it is no news at the end: what is drawn must be made again. */
  update(candle: Candle): boolean {
    const last = this.last;
    if (last === undefined || candle.time > last.time) {
      this.kept.push(candle);
      if (this.kept.length > MOST_KEPT) this.kept.shift();
      return true;
    }
    if (candle.time === last.time) {
      this.kept[this.kept.length - 1] = candle;
      return true;
    }
    this.merge([candle]);
    return false;
  }
}

/** Whether so many of the last candles were traded in that a chart of them is filled. */
export function fills(candles: readonly Candle[]): boolean {
  return candles.filter((each) => each.volume > 0).length >= FILLED;
}
