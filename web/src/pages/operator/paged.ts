// A list that the venue tells a page at a time.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { told } from "../../net/http.ts";
import { call } from "../../net/session.ts";

export interface Paged<T> {
  rows: readonly T[] | null;
  wrong: string | null;
  /** Ask for the next page; null: there is none. */
  more: (() => void) | null;
  again: () => void;
}

/** `path` says where the page behind a row is, or the first one. At most `most` rows are kept. */
export function usePaged<T>(path: (last: T | undefined) => string, page: number, most: number, change = 0): Paged<T> {
  const [rows, set] = useState<readonly T[] | null>(null);
  const [wrong, setWrong] = useState<string | null>(null);
  const [hasMore, setMore] = useState(true);
  const isAsking = useRef(false);
  const fetch = useCallback(
    async (known: readonly T[]) => {
      if (isAsking.current) return;
      isAsking.current = true;
      try {
        const found = await call<T[]>(path(known.at(-1)));
        set([...known, ...found]);
        setMore(found.length === page && known.length + page < most);
        setWrong(null);
      } catch (error) {
        setWrong(told(error));
        setMore(false);
      }
      isAsking.current = false;
    },
    [path, page, most],
  );
  // A change is why it is asked again.
  useEffect(() => void fetch([]), [fetch, change]);
  return {
    rows,
    wrong,
    more: hasMore && rows !== null ? () => void fetch(rows) : null,
    again: () => void fetch([]),
  };
}
