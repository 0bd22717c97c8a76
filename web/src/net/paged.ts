// A list that the venue tells a page at a time.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { told } from "./http.ts";
import { call } from "./session.ts";

export interface Paged<T> {
  rows: readonly T[] | null;
  wrong: string | null;
  /** Ask for the next page; null: there is none. */
  more: (() => void) | null;
  again: () => void;
}

/** `path` says where the page behind a row is, or the first one; when `change` changes, it is asked for anew. At most
 * `most` rows are kept. */
export function usePaged<T>(path: (last: T | undefined) => string, page: number, most: number, change = 0): Paged<T> {
  const [rows, set] = useState<readonly T[] | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [hasMore, setMore] = useState(true);
  const turn = useRef(0); // an answer to an earlier question comes too late
  const isAsking = useRef(false);
  const fetch = useCallback(
    async (known: readonly T[]) => {
      const mine = ++turn.current;
      isAsking.current = true;
      try {
        const found = await call<T[]>(path(known.at(-1)));
        if (mine !== turn.current) return;
        set([...known, ...found]);
        setMore(found.length === page && known.length + page < most);
        setWrong(null);
      } catch (error) {
        if (mine !== turn.current) return;
        setWrong(told(error));
        setMore(false);
      }
      isAsking.current = false;
    },
    [path, page, most],
  );
  // A change is why it is asked again.
  useEffect(() => {
    void fetch([]);
    return () => {
      turn.current++;
    };
  }, [fetch, change]);
  const more = () => {
    if (!isAsking.current && rows !== null) void fetch(rows);
  };
  return { rows, wrong, more: hasMore && rows !== null ? more : null, again: () => void fetch([]) };
}
