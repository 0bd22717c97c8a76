// One instrument, live: its book, tape, candles, figures and phase, as the venue's streams say.
//
// Messages change it at once; signals tell the panels seven times a second at most.
import { type Signal, signal } from "@preact/signals";
import { onBeat } from "../frame.ts";
import { ask, NoAnswer, Problem } from "../net/http.ts";
import type { Streams } from "../net/streams.ts";
import { Book, type Difference, type Level, type Whole } from "./book.ts";
import { type Candle, Candles, candleOf, fills, type Interval, type Row } from "./candles.ts";
import type { Clock } from "./clock.ts";
import type { Instrument } from "./instrument.ts";
import { INTERVAL_MS } from "./intervals.ts";
import { type Phase, UNKNOWN } from "./phase.ts";
import { Tape } from "./tape.ts";

type Pair = readonly [price: string, quantity: string];

interface DepthMessage {
  U: number;
  u: number;
  b: Pair[];
  a: Pair[];
}

interface TradeMessage {
  t: number;
  T: number;
  p: string;
  q: string;
  m: boolean;
}

interface CorrectionMessage {
  t: number;
  p: string;
  n: string;
}

export interface Figures {
  change: string;
  percent: string;
  high: string;
  low: string;
  volume: string;
}

export interface Indicative {
  price: string;
  quantity: string;
  imbalance: string;
}

const LEVELS = 5000;
const RETRY_MS = 500;
const TRADES = 100;
const CANDLES = 500;
const TRIED: readonly Interval[] = ["1s", "1m", "1h", "1d"];

function counted(changed: Signal<number>): void {
  changed.value = changed.peek() + 1;
}

export class Market {
  readonly book = new Book();
  readonly tape = new Tape();
  readonly candles = new Candles();
  /** Counts the times that something of this was to be drawn. */
  readonly bookChanged = signal(0);
  readonly tapeChanged = signal(0);
  readonly candlesChanged = signal(0);
  readonly interval = signal<Interval | null>(null);
  readonly figures = signal<Figures | null>(null);
  readonly phase = signal<Phase>(UNKNOWN);
  readonly indicative = signal<Indicative | null>(null);
  /** What can't be had now, for people; null where all is well. */
  readonly trouble = signal<string | null>(null);
  /** When the book last changed, as each trade has it do, and how late that was told, by the venue's clock. */
  heardAt = 0;
  behindMs = 0;
  private readonly tellBook = () => counted(this.bookChanged);
  private readonly tellTape = () => counted(this.tapeChanged);
  private readonly tellCandles = () => counted(this.candlesChanged);
  private readonly tellFigures = () => {
    this.figures.value = this.freshFigures;
  };
  private freshFigures: Figures | null = null;
  private isClosed = false;
  private readonly names: string[] = [];
  /** What is being tried, and whether it was asked for again meanwhile; what of it failed, and why. */
  private readonly tried = new Map<string, boolean>();
  private readonly troubles = new Map<string, string>();
  readonly instrument: Instrument;
  private readonly streams: Streams;
  private readonly clock: Clock;

  constructor(instrument: Instrument, streams: Streams, clock: Clock) {
    this.instrument = instrument;
    this.streams = streams;
    this.clock = clock;
  }

  /** Subscribe, and fetch what was before. */
  open(): void {
    const listen = (name: string, handler: (message: never) => void, reset: () => void = () => {}) => {
      this.names.push(name);
      this.streams.subscribe(name, handler as (message: unknown) => void, reset);
    };
    const symbol = this.instrument.symbol.toLowerCase();
    listen(`${symbol}@depth@100ms`, (message: DepthMessage & { E: number }) => this.depth(message), this.bookLost);
    listen(`${symbol}@trade`, (message: TradeMessage) => this.trade(message), this.tapeLost);
    listen(`${symbol}@ticker`, (message: Record<string, string>) => this.ticker(message));
    listen(`${symbol}@phase`, (message: { p: string; r: string; T: number }) => {
      this.phase.value = { name: message.p, isByBand: message.r === "PRICE_BAND", endsMs: message.T };
    });
    listen(`${symbol}@auction`, (message: { p: string; q: string; i: string }) => {
      this.indicative.value = { price: message.p, quantity: message.q, imbalance: message.i };
    });
    listen(`${symbol}@correction`, (message: CorrectionMessage) => this.correct(message));
    this.bookLost();
    this.tapeLost();
    void this.choose();
  }

  close(): void {
    this.isClosed = true;
    for (const name of this.names) this.streams.unsubscribe(name);
    this.listenToCandles(null);
  }

  /** Show candles of this interval. */
  async show(interval: Interval): Promise<void> {
    this.listenToCandles(interval);
    await this.fillCandles(interval);
  }

  /** A tab that slept, or a line that was lost: fetch what was missed. */
  private readonly candlesLost = (): void => {
    const interval = this.interval.value;
    if (interval !== null) void this.fillCandles(interval);
  };

  private readonly bookLost = (): void => {
    this.book.reset();
    onBeat(this.tellBook);
    void this.fetchBook();
  };

  private readonly tapeLost = (): void => {
    void this.retrying("tape", async () => {
      const [newest] = this.tape.trades;
      const path = `/api/v3/trades?symbol=${this.instrument.symbol}&limit=${TRADES}`;
      const rows = await ask<{ id: number; price: string; qty: string; time: number; isBuyerMaker: boolean }[]>(path);
      this.tape.merge(
        rows.map(({ id, price, qty, time, isBuyerMaker }) => ({
          id,
          time,
          price,
          quantity: qty,
          isSell: isBuyerMaker,
        })),
        rows.length < TRADES,
        newest,
      );
      onBeat(this.tellTape);
    });
  };

  private depth(message: DepthMessage & { E: number }): void {
    this.heardAt = this.clock.now();
    this.behindMs = Math.max(0, this.heardAt - message.E);
    const difference: Difference = {
      first: message.U,
      last: message.u,
      bids: this.levels(message.b),
      asks: this.levels(message.a),
    };
    if (this.book.take(difference) === "missing") void this.fetchBook();
    onBeat(this.tellBook);
  }

  private async fetchBook(): Promise<void> {
    await this.retrying("book", async () => {
      const path = `/api/v3/depth?symbol=${this.instrument.symbol}&limit=${LEVELS}`;
      const { lastUpdateId, bids, asks } = await ask<{ lastUpdateId: number; bids: Pair[]; asks: Pair[] }>(path);
      const whole: Whole = { last: lastUpdateId, bids: this.levels(bids), asks: this.levels(asks) };
      if (this.book.begin(whole) === "missing") throw new NoAnswer("The book is older than what came of it.");
      onBeat(this.tellBook);
    });
  }

  private levels(pairs: readonly Pair[]): Level[] {
    return pairs.map(([price, quantity]) => [this.instrument.price(price), this.instrument.quantity(quantity)]);
  }

  private trade(message: TradeMessage): void {
    this.tape.add({ id: message.t, time: message.T, price: message.p, quantity: message.q, isSell: message.m });
    onBeat(this.tellTape);
  }

  private correct({ t, p, n }: CorrectionMessage): void {
    this.tape.correct(t, p, Number(n) === 0 ? "undone" : n);
    onBeat(this.tellTape);
    this.candlesLost();
  }

  private ticker(message: Record<string, string>): void {
    this.freshFigures = {
      change: message.p ?? "",
      percent: message.P ?? "",
      high: message.h ?? "",
      low: message.l ?? "",
      volume: message.v ?? "",
    };
    onBeat(this.tellFigures);
  }

  /** The smallest interval whose last candles fill the chart. */
  private async choose(): Promise<void> {
    await this.retrying("interval", async () => {
      let best: Interval = "1s";
      for (const interval of TRIED) {
        if (fills(await this.fetchCandles(interval, 120))) {
          best = interval;
          break;
        }
      }
      if (this.interval.value === null && !this.isClosed) await this.show(best);
    });
  }

  private listenToCandles(interval: Interval | null): void {
    const before = this.interval.value;
    const symbol = this.instrument.symbol.toLowerCase();
    if (before !== null) this.streams.unsubscribe(`${symbol}@kline_${before}`);
    this.candles.clear();
    this.interval.value = interval;
    if (interval === null) return;
    this.streams.subscribe(
      `${symbol}@kline_${interval}`,
      (message) => this.candle((message as { k: Record<string, string | number> }).k),
      this.candlesLost,
    );
  }

  private candle(k: Record<string, string | number>): void {
    const { t, o, h, l, c, v } = k;
    const candle = candleOf([Number(t), String(o), String(h), String(l), String(c), String(v)]);
    const last = this.candles.last;
    const interval = this.interval.value;
    const isHole = last !== undefined && interval !== null && candle.time > last.time + INTERVAL_MS[interval];
    this.candles.update(candle);
    if (isHole) this.candlesLost();
    onBeat(this.tellCandles);
  }

  private async fillCandles(interval: Interval): Promise<void> {
    await this.retrying(`candles of ${interval}`, async () => {
      const known = new Set(this.candles.all);
      const found = await this.fetchCandles(interval, CANDLES);
      if (this.interval.value !== interval) return;
      this.candles.fill(found, known, INTERVAL_MS[interval]);
      onBeat(this.tellCandles);
    });
  }

  private async fetchCandles(interval: Interval, limit: number): Promise<Candle[]> {
    const path = `/api/v3/klines?symbol=${this.instrument.symbol}&interval=${interval}&limit=${limit}`;
    return (await ask<Row[]>(path)).map(candleOf);
  }

  /** Try until it works, and say meanwhile what is wrong. Asked for again while it is tried, it is done once more. */
  private async retrying(what: string, task: () => Promise<void>): Promise<void> {
    const isTried = this.tried.has(what);
    this.tried.set(what, isTried);
    if (isTried) return;
    for (let waitMs = RETRY_MS; !this.isClosed; waitMs = Math.min(2 * waitMs, 8_000)) {
      this.tried.set(what, false);
      try {
        await task();
        this.troubles.delete(what);
        this.tellTrouble();
        if (this.tried.get(what) === true) continue;
        break;
      } catch (error) {
        if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
        this.troubles.set(what, error.message);
        this.tellTrouble();
      }
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    this.tried.delete(what);
  }

  private tellTrouble(): void {
    this.trouble.value = this.troubles.values().next().value ?? null;
  }
}
