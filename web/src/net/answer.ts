// What the venue answers to who is logged in, for as long as something shows it.
import { useEffect, useState } from "preact/hooks";
import { NoAnswer, Problem, told } from "./http.ts";
import { call, state } from "./session.ts";

const RETRY_MS = 2_000;

export interface Answer<T> {
  found: T | null;
  /** Why it is not there, or not as it is now; for people. */
  wrong: string | null;
}

export const NOTHING = { found: null, wrong: null };

/** What is at a path, now and after each change; `null`: nothing is asked. Where the venue is busy or away, again. */
export function useAnswer<T>(path: string | null, change = 0, patienceMs?: number): Answer<T> & { again: () => void } {
  const [shown, set] = useState<Answer<T> & { path: string | null }>({ ...NOTHING, path });
  const [turn, next] = useState(0);
  const isSomebody = state.value === "somebody"; // after a session that ended it is asked again by the next one
  // A change and a turn are why it is asked again.
  useEffect(() => {
    if (path === null || !isSomebody) return;
    let isWanted = true;
    let retry = 0;
    const look = async () => {
      try {
        const found = await call<T>(path, patienceMs === undefined ? {} : { patienceMs });
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
  }, [path, change, turn, isSomebody, patienceMs]);
  return { ...(shown.path === path ? shown : NOTHING), again: () => next((before) => before + 1) };
}
