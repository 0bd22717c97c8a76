// A list without an end, the newest row first: rows of before are fetched as they are asked for, what happens now is put
// among them. It keeps so many rows at most, and can begin anew at any moment. It knows no socket.
import { signal } from "@preact/signals";
import { onFrame } from "../frame.ts";
import { NoAnswer, Problem } from "../net/http.ts";

export interface Source<T> {
  key: (row: T) => string;
  /** When it was, in ms: what pages are cut by. Rows stand in its order. */
  time: (row: T) => number;
  /** The last `limit` rows up to `until`, or of all, the oldest first. Problem, NoAnswer. */
  fetch: (until: number | null, limit: number) => Promise<T[]>;
}

export const PAGE = 100;
/** Where so many rows share a millisecond that a page brings nothing new, a larger one is asked for. */
export const LARGE_PAGE = 1_000;
export const MOST_ROWS = 5_000;

export class Past<T> {
  readonly changed = signal(0);
  /** Whether there is nothing behind the last row. */
  isWhole = false;
  /** Where it begins: null is now. */
  from: number | null = null;
  /** How often it has begun anew: each time the first page is to be asked for. */
  beginnings = 0;
  /** Why what is behind the last row did not come; null: it did, or was not asked for. */
  trouble: Problem | NoAnswer | null = null;
  private kept: T[] = [];
  private readonly byKey = new Map<string, T>();
  private until: number | null = null;
  private limit = PAGE;
  private fetching: Promise<void> | null = null;
  /** What was told since the page on its way was asked for, which may bring what was before that: rows that had no place
   * yet, by their keys, and what changed rows. */
  private readonly told = new Map<string, T>();
  private readonly changes: ((row: T) => T)[] = [];
  private readonly source: Source<T>;

  constructor(source: Source<T>) {
    this.source = source;
  }

  get key(): (row: T) => string {
    return this.source.key;
  }

  get rows(): readonly T[] {
    return this.kept;
  }

  /** Whether it keeps as many rows as it may: what is behind them is seen by beginning there. */
  get isFull(): boolean {
    return this.kept.length >= MOST_ROWS;
  }

  /** When the last row was: where to begin for those behind it. */
  get end(): number | null {
    const last = this.kept.at(-1);
    return last === undefined ? null : this.source.time(last);
  }

  /** Forget all, and begin at a moment; null: now. */
  begin(from: number | null): void {
    this.kept = [];
    this.byKey.clear();
    this.isWhole = false;
    this.from = from;
    this.until = from;
    this.limit = PAGE;
    this.forget();
    this.fetching = null;
    this.trouble = null;
    this.beginnings += 1;
    this.draw();
  }

  /** Fetch what comes behind the last row, if anything may. `trouble` says what went wrong. */
  more(): Promise<void> {
    if (this.isWhole || this.isFull) return Promise.resolve();
    if (this.fetching !== null) return this.fetching;
    this.trouble = null;
    this.draw();
    this.fetching = this.fetchOrSay(this.beginnings);
    return this.fetching;
  }

  /** A row that was told: it takes the place of the one with its key, also of one that is on its way, or its own one. */
  put(row: T): void {
    const key = this.source.key(row);
    const before = this.byKey.get(key);
    if (before !== undefined) {
      this.kept[this.kept.indexOf(before)] = row;
    } else {
      const at = this.place(row);
      if (at === null) {
        if (this.fetching !== null) this.told.set(key, row);
        this.bound();
        return;
      }
      this.kept.splice(at, 0, row);
    }
    this.byKey.set(key, row);
    if (this.kept.length > MOST_ROWS) this.drop();
    this.draw();
  }

  /** Change the rows that it is about, also those that are on their way. */
  change(isMeant: (row: T) => boolean, changed: (row: T) => T): void {
    for (const row of this.kept.filter(isMeant)) this.put(changed(row));
    if (this.fetching !== null) this.changes.push((row) => (isMeant(row) ? changed(row) : row));
    this.bound();
  }

  private async fetchOrSay(beginnings: number): Promise<void> {
    try {
      await this.fetchNext(beginnings);
    } catch (error) {
      if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
      if (this.beginnings !== beginnings) return; // it is not about what is shown now
      this.trouble = error;
    } finally {
      if (this.beginnings === beginnings) this.fetching = null;
    }
    this.draw();
  }

  private async fetchNext(beginnings: number): Promise<void> {
    for (;;) {
      const { until, limit } = this;
      this.forget();
      const page = await this.source.fetch(until, limit);
      if (this.beginnings !== beginnings) return; // it begins somewhere else by now
      const unknown = page.filter((row) => !this.byKey.has(this.source.key(row)));
      const news = unknown.map((row) => this.asTold(row)).reverse();
      const fresh = news.slice(0, MOST_ROWS - this.kept.length);
      for (const row of fresh) {
        this.kept.push(row);
        this.byKey.set(this.source.key(row), row);
      }
      this.isWhole = page.length < limit && fresh.length === news.length;
      this.goOn(page[0], fresh.length > 0);
      const rest = [...this.told].filter(([key]) => !this.byKey.has(key)); // what is newer than the page
      for (const [, row] of rest) this.put(this.asTold(row));
      this.draw();
      if (fresh.length > 0 || this.isWhole || this.isFull) return;
    }
  }

  /** Where the next page ends: with the millisecond of the oldest row, of which others may not have come yet. */
  private goOn(oldest: T | undefined, isNews: boolean): void {
    if (oldest === undefined) return;
    this.until = this.source.time(oldest);
    if (isNews) this.limit = PAGE;
    else if (this.limit === PAGE) this.limit = LARGE_PAGE;
    else this.until -= 1;
  }

  private drop(): void {
    const last = this.kept.pop() as T;
    this.byKey.delete(this.source.key(last));
    this.until = this.source.time(this.kept.at(-1) as T);
    this.isWhole = false;
  }

  /** Before the first row that is not newer; null: not among these. */
  private place(row: T): number | null {
    if (this.from !== null) return null; // it is of after the moment that is looked at
    const time = this.source.time(row);
    const found = this.kept.findIndex((each) => this.source.time(each) <= time);
    if (found >= 0) return found;
    return this.isWhole ? this.kept.length : null; // null: it comes with those behind the last one
  }

  private asTold(row: T): T {
    const told = this.told.get(this.source.key(row)) ?? row;
    return this.changes.reduce((before, change) => change(before), told);
  }

  private forget(): void {
    this.told.clear();
    this.changes.length = 0;
  }

  /** More than so much is told while a page is on its way: that is no longer of use. */
  private bound(): void {
    if (this.told.size + this.changes.length > MOST_ROWS) this.begin(this.from);
  }

  private readonly bump = (): void => {
    this.changed.value = this.changed.peek() + 1;
  };

  private draw(): void {
    onFrame(this.bump);
  }
}
