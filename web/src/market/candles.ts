// Candles of one interval: history and what comes live, joined by their times. A candle's numbers are for drawing only.
import type { INTERVAL_MS } from "./intervals.ts";

export interface Candle {
  /** Its first moment, in milliseconds since 1970. */
  time: number;
  open: number;
  high: number;
  low: number;
  close: number;
  volume: number;
}

export type Interval = keyof typeof INTERVAL_MS;
/** Those that the chart offers. */
export const INTERVALS = ["1s", "1m", "5m", "15m", "1h", "4h", "1d", "1w", "1M"] as const satisfies readonly Interval[];

const MOST_KEPT = 600; // a chart takes 1 kB for each
const KEPT_OF_THOSE = 500; // so that all are drawn again once in a hundred candles
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

/** Candles in the order of time, each once. They know which of them are still to be drawn. */
export class Candles {
  private kept: Candle[] = [];
  private changedFrom: number | null = null; // the time from which on they changed; null: all did

  get all(): readonly Candle[] {
    return this.kept;
  }

  get last(): Candle | undefined {
    return this.kept.at(-1);
  }

  clear(): void {
    this.kept = [];
    this.changedFrom = null;
  }

  /** Take these: of a time that is known already, the later word counts. */
  merge(candles: readonly Candle[]): void {
    const byTime = new Map(this.kept.map((each) => [each.time, each]));
    for (const each of candles) byTime.set(each.time, each);
    this.kept = [...byTime.values()].sort((a, b) => a.time - b.time).slice(-MOST_KEPT);
    this.changedFrom = null;
  }

  /** Take history, which was asked for when `known` were kept: what came live since then may be newer than it, and stays.
   * What was before it stays only if it reaches up to it: no hole is drawn as if it were none. */
  fill(history: readonly Candle[], known: ReadonlySet<Candle>, spanMs: number): void {
    const first = history[0];
    if (first !== undefined) {
      const before = this.kept.filter(({ time }) => time < first.time).at(-1);
      const isHole = before !== undefined && before.time + spanMs < first.time;
      if (isHole) this.kept = this.kept.filter(({ time }) => time >= first.time);
    }
    this.merge([...history, ...this.kept.filter((each) => !known.has(each))]);
  }

  /** Take one that came live. */
  update(candle: Candle): void {
    const last = this.last;
    if (last !== undefined && candle.time < last.time) {
      this.merge([candle]);
      return;
    }
    if (candle.time === last?.time) this.kept[this.kept.length - 1] = candle;
    else this.kept.push(candle);
    if (this.changedFrom !== null) this.changedFrom = Math.min(this.changedFrom, candle.time);
    if (this.kept.length > MOST_KEPT) {
      this.kept = this.kept.slice(-KEPT_OF_THOSE);
      this.changedFrom = null;
    }
  }

  /** What changed at the end since `drawn`; null: it was more than that, and all are to be drawn again. */
  get fresh(): readonly Candle[] | null {
    const from = this.changedFrom;
    if (from === null) return null;
    let first = this.kept.length;
    while (first > 0 && (this.kept[first - 1] as Candle).time >= from) first -= 1;
    return this.kept.slice(first);
  }

  /** Nothing of them is drawn any more. */
  drawAgain(): void {
    this.changedFrom = null;
  }

  /** All of them are drawn. */
  drawn(): void {
    this.changedFrom = Number.POSITIVE_INFINITY;
  }
}

/** Whether so many of the last candles were traded in that a chart of them is filled. */
export function fills(candles: readonly Candle[]): boolean {
  return candles.filter((each) => each.volume > 0).length >= FILLED;
}
