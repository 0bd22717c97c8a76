// An answer that is asked for again when it may have changed: seldom enough, and never by a tab that nobody sees.
import { signal } from "@preact/signals";
import { NoAnswer, Problem } from "./http.ts";

const LEAST_MS = 2_000; // between two questions
const RETRY_MS = 5_000; // after one that was not answered

export class Fresh<T> {
  /** The last answer, however old; null before the first. */
  readonly answer = signal<T | null>(null);
  /** Why there is no newer one, for people; null where all is well. */
  readonly trouble = signal<string | null>(null);
  private readonly ask: () => Promise<T>;
  private isStale = false;
  private isAsking = false;
  private isClosed = false;
  private timer = 0;
  private nextAt = 0;

  constructor(ask: () => Promise<T>) {
    this.ask = ask;
    document.addEventListener("visibilitychange", this.seen);
  }

  close(): void {
    this.isClosed = true;
    window.clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.seen);
  }

  /** It may have changed: ask, now or when the least time is over. */
  readonly stale = (): void => {
    this.isStale = true;
    if (this.isClosed || this.isAsking || this.timer !== 0 || document.hidden) return;
    this.timer = window.setTimeout(() => void this.run(), Math.max(0, this.nextAt - performance.now()));
  };

  private readonly seen = (): void => {
    if (this.isStale) this.stale();
  };

  private async run(): Promise<void> {
    this.timer = 0;
    this.isStale = false;
    this.isAsking = true;
    this.nextAt = performance.now() + LEAST_MS;
    try {
      this.answer.value = await this.ask();
      this.trouble.value = null;
    } catch (error) {
      if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
      this.trouble.value = error.message;
      this.nextAt = performance.now() + RETRY_MS;
      // Who is logged out asks again when somebody is logged in: that says so itself.
      this.isStale = !(error instanceof Problem && error.status === 401);
    } finally {
      this.isAsking = false;
    }
    if (this.isStale) this.stale();
  }
}
