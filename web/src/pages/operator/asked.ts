// What a section shows of the venue: asked for when it opens and after each command, or again and again while it is seen.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { NoAnswer, Problem, told } from "../../net/http.ts";
import { call, state as session } from "../../net/session.ts";

const RETRY_MS = 2_000;
export const PATIENCE_MS = 65_000; // what is found by a replay may take the venue a minute

/** Counts the commands that were carried out: whatever is shown may be older than they. */
export const changes = signal(0);

export interface Asked<T> {
  found: T | null;
  /** Why it is not there, or not as it is now; for people. */
  wrong: string | null;
}

const NOTHING = { found: null, wrong: null };

/** What is at a path, now and after each change; `null`: nothing is asked. Where the venue is busy or away, again. */
export function useAsked<T>(path: string | null): Asked<T> & { again: () => void } {
  const [state, set] = useState<Asked<T> & { path: string | null }>({ ...NOTHING, path });
  const [turn, next] = useState(0);
  const change = changes.value;
  const isSomebody = session.value === "somebody"; // after a session that ended it is asked again by the next one
  // A change and a turn are why it is asked again.
  useEffect(() => {
    if (path === null || !isSomebody) return;
    let isWanted = true;
    let retry = 0;
    const look = async () => {
      try {
        const found = await call<T>(path, { patienceMs: PATIENCE_MS });
        if (isWanted) set({ found, wrong: null, path });
      } catch (error) {
        if (!isWanted) return;
        const wrong = told(error);
        set((before) => ({ found: before.path === path ? before.found : null, wrong, path }));
        const isAway = error instanceof NoAnswer || (error instanceof Problem && error.status === 503);
        if (isAway) retry = window.setTimeout(look, RETRY_MS);
      }
    };
    void look();
    return () => {
      isWanted = false;
      clearTimeout(retry);
    };
  }, [path, change, turn, isSomebody]);
  const shown = state.path === path ? state : NOTHING;
  return { ...shown, again: () => next((before) => before + 1) };
}

/** What `ask` finds, again and again while somebody can see it: `pauseMs` after what took so long. */
export function useWatched<T>(ask: () => Promise<T>, pauseMs: (tookMs: number) => number): Asked<T> {
  const [state, set] = useState<Asked<T>>(NOTHING);
  useEffect(() => {
    let isWanted = true;
    let isAsking = false;
    let timer = 0;
    const look = async () => {
      clearTimeout(timer);
      if (document.hidden || isAsking) return;
      isAsking = true;
      const began = performance.now();
      try {
        const found = await ask();
        if (isWanted) set({ found, wrong: null });
      } catch (error) {
        const wrong = told(error);
        if (isWanted) set((before) => ({ ...before, wrong }));
      }
      isAsking = false;
      if (isWanted) timer = window.setTimeout(look, pauseMs(performance.now() - began));
    };
    document.addEventListener("visibilitychange", look);
    void look();
    return () => {
      isWanted = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [ask, pauseMs]);
  return state;
}
