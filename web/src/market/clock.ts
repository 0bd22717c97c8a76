// The venue's time, as well as it can be known here: this computer's clock may be wrong.
import { ask } from "../net/http.ts";

const KEPT = 8; // answers, of which the quickest is the best
const WRONG_MS = 30_000;
const DRIFT_MS = 1_000; // more, and the clock that answers are kept by stood still between two of them

export class Clock {
  private found: { offsetMs: number; tripMs: number }[] = [];
  private best: { offsetMs: number; tripMs: number } | undefined;

  /** Ask the venue once more. Problem, NoAnswer. */
  async look(): Promise<void> {
    const sent = performance.now();
    const { serverTime } = await ask<{ serverTime: number }>("/api/v3/time");
    const now = performance.now();
    const tripMs = now - sent;
    const offsetMs = serverTime + tripMs / 2 - now;
    // While a computer sleeps `performance.now()` may stand still: what was found before is wrong by as much.
    const agree = this.found.filter((each) => Math.abs(each.offsetMs - offsetMs) <= each.tripMs + tripMs + DRIFT_MS);
    this.found = [...agree, { offsetMs, tripMs }].slice(-KEPT);
    this.best = this.found.reduce((best, each) => (each.tripMs < best.tripMs ? each : best));
  }

  /** Milliseconds since 1970, by the venue. */
  now(): number {
    return this.best === undefined ? Date.now() : performance.now() + this.best.offsetMs;
  }

  /** When so many milliseconds have passed, by the venue; undefined while its time is not known. */
  deadline(ms: number): number | undefined {
    return this.best === undefined ? undefined : Math.floor(this.now()) + ms;
  }

  /** Whether this computer's clock is far from the venue's. */
  isWrong(): boolean {
    return this.found.length > 0 && Math.abs(Date.now() - this.now()) > WRONG_MS;
  }
}
