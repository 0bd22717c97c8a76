// The venue that this page is of: what it lists, its time, and the line to its streams.
import { signal } from "@preact/signals";
import { Clock } from "./market/clock.ts";
import { Instrument } from "./market/instrument.ts";
import { ask, NoAnswer, Problem } from "./net/http.ts";
import { Streams } from "./net/streams.ts";
import type { InstrumentShown } from "./net/v1.ts";

const CLOCK_MS = 30_000;
const RETRY_MS = 2_000;

export const instruments = signal<readonly Instrument[] | null>(null);
/** Why the list is not here yet, for people. */
export const trouble = signal<string | null>(null);
export const clock = new Clock();
/** Whether this computer's clock is far from the venue's. */
export const isClockWrong = signal(false);
export const streams = new Streams(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/stream`);

/** Begin to talk to the venue. */
export function connect(): void {
  streams.start();
  void load();
  void lookAtClock();
  setInterval(() => void lookAtClock(), CLOCK_MS);
}

async function load(): Promise<void> {
  for (;;) {
    try {
      const listed = await ask<InstrumentShown[]>("/v1/instruments");
      instruments.value = listed.map((each) => new Instrument(each));
      trouble.value = null;
      return;
    } catch (error) {
      if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
      trouble.value = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function lookAtClock(): Promise<void> {
  try {
    await clock.look();
    isClockWrong.value = clock.isWrong();
  } catch (error) {
    if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
    // The streams' line says that the venue is away; the time is asked for again.
  }
}
