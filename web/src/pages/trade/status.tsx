// Whether what is shown is what the market is: said in words, and meant.
import { useEffect, useState } from "preact/hooks";
import type { Market } from "../../market/market.ts";
import { clock, streams } from "../../venue.ts";

const LOOK_MS = 500;
const LATE_MS = 500;
const QUIET_MS = 30_000;

export type Said = { word: string; state: "live" | "behind" | "away" | "quiet" };

/** What to say, of when the last news came and how late it was. */
export function said(line: string, isWhole: boolean, sinceMs: number, behindMs: number): Said {
  if (line !== "live") return { word: line === "connecting" ? "connecting" : "reconnecting", state: "away" };
  if (!isWhole) return { word: "loading the book", state: "away" };
  if (sinceMs > QUIET_MS) return { word: "this market is quiet", state: "quiet" };
  if (behindMs > LATE_MS && sinceMs < 2 * LATE_MS)
    return { word: `${Math.round(behindMs)} ms behind`, state: "behind" };
  return { word: "live", state: "live" };
}

export function Status({ market }: { market: Market }) {
  const [now, look] = useState<Said>({ word: "connecting", state: "away" });
  useEffect(() => {
    const glance = () => {
      const sinceMs = market.heardAt === 0 ? QUIET_MS + 1 : clock.now() - market.heardAt;
      const found = said(streams.line.peek(), market.book.isWhole, sinceMs, market.behindMs);
      look((before) => (before.word === found.word ? before : found));
    };
    glance();
    const timer = setInterval(glance, LOOK_MS);
    return () => clearInterval(timer);
  }, [market]);
  return (
    <output class={`status ${now.state}`} data-testid="status" title="Whether this page shows what the market is">
      <span aria-hidden="true">{now.state === "away" ? "○" : "●"}</span> {now.word}
    </output>
  );
}
