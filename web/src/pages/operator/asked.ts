// What a section shows of the venue: asked for when it opens and after each command, or again and again while it is seen.
import { signal } from "@preact/signals";
import { useEffect, useState } from "preact/hooks";
import { type Answer, NOTHING, useAnswer } from "../../net/answer.ts";
import { told } from "../../net/http.ts";

export const PATIENCE_MS = 65_000; // what is found by a replay may take the venue a minute

/** Counts the commands that were carried out: whatever is shown may be older than they. */
export const changes = signal(0);

/** What is at a path, now and after each command; `null`: nothing is asked. */
export function useAsked<T>(path: string | null) {
  return useAnswer<T>(path, changes.value, PATIENCE_MS);
}

/** What `ask` finds, again and again while somebody can see it: `pauseMs` after what took so long. */
export function useWatched<T>(ask: () => Promise<T>, pauseMs: (tookMs: number) => number): Answer<T> {
  const [state, set] = useState<Answer<T>>(NOTHING);
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
