// What the venue answers to who is logged in, for as long as a panel shows it.
import { useEffect, useState } from "preact/hooks";
import { told } from "../net/http.ts";
import { call, state } from "../net/session.ts";
import { isLive } from "./line.ts";

interface Answer<T> {
  answer: T | null;
  problem: string | null;
}

/** The answer to a GET: asked for again by `again`, when `changed` changes, and when the venue is back. */
export function useAnswer<T>(path: string, changed = 0): Answer<T> & { again: () => void } {
  const [found, setFound] = useState<Answer<T>>({ answer: null, problem: null });
  const [turn, setTurn] = useState(0);
  const isSomebody = state.value === "somebody";
  const isBack = found.problem !== null && isLive.value;
  useEffect(() => {
    if (!isSomebody) return;
    let isWanted = true;
    call<T>(path).then(
      (answer) => isWanted && setFound({ answer, problem: null }),
      (error) => isWanted && setFound(({ answer }) => ({ answer, problem: told(error) })),
    );
    return () => {
      isWanted = false;
    };
  }, [path, changed, turn, isSomebody, isBack]);
  return { ...found, again: () => setTurn((before) => before + 1) };
}
