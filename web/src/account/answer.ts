// What the venue answers to who is logged in, for as long as a panel shows it.
import { useEffect, useRef, useState } from "preact/hooks";
import { told } from "../net/http.ts";
import { call, state } from "../net/session.ts";
import { isLive } from "./line.ts";

const PAGE = 100;
const MOST_ROWS = 10_000;

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

interface Pages<T> {
  rows: readonly T[];
  isEnd: boolean;
  problem: string | null;
}

/** All rows of a list, the latest first, page by page: `more` asks for those before the last one; null: there are none. */
export function usePages<T>(path: string, numberOf: (row: T) => number, changed = 0) {
  const [found, setFound] = useState<Pages<T>>({ rows: [], isEnd: true, problem: null });
  const turn = useRef(0); // answers to earlier questions come too late
  const isAsking = useRef(false);
  const isSomebody = state.value === "somebody";
  const ask = (rows: readonly T[]) => {
    const mine = ++turn.current;
    const last = rows.at(-1);
    isAsking.current = true;
    const done = (pages: (before: Pages<T>) => Pages<T>) => {
      if (mine !== turn.current) return;
      isAsking.current = false;
      setFound(pages);
    };
    call<T[]>(`${path}?limit=${PAGE}${last === undefined ? "" : `&before=${numberOf(last)}`}`).then(
      (page) => {
        const all = [...rows, ...page];
        done(() => ({ rows: all, isEnd: page.length < PAGE || all.length >= MOST_ROWS, problem: null }));
      },
      (error) => done((before) => ({ ...before, isEnd: true, problem: told(error) })),
    );
  };
  useEffect(() => {
    if (isSomebody) ask([]);
    return () => {
      turn.current++;
    };
  }, [path, changed, isSomebody]);
  const more = () => {
    if (!isAsking.current) ask(found.rows);
  };
  return { rows: found.rows, problem: found.problem, more: found.isEnd ? null : more, again: () => ask([]) };
}
