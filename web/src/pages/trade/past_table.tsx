// A table of what was, without an end: it fetches further rows as its end comes near, and begins anew where it is full.
import { useCallback, useEffect } from "preact/hooks";
import { utc } from "../../account/moments.ts";
import type { Past } from "../../account/past.ts";
import { told } from "../../net/http.ts";
import { state } from "../../net/session.ts";
import { Notice } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";

export interface PastTableProps<T> {
  label: string;
  past: Past<T>;
  columns: readonly Column<T>[];
  empty: string;
  testid: string;
}

export function PastTable<T>({ label, past, columns, empty, testid }: PastTableProps<T>) {
  past.changed.value;
  const more = useCallback(() => void past.more(), [past]);
  const isSomebody = state.value === "somebody";
  const { beginnings, trouble } = past;
  // A beginning is why it is asked for, and who comes to it asks again where that went wrong.
  useEffect(() => {
    if (isSomebody && ((past.rows.length === 0 && !past.isWhole) || past.trouble !== null)) more();
  }, [past, beginnings, isSomebody, more]);
  return (
    <>
      {trouble !== null && (
        <Notice isBad>
          {told(trouble)}{" "}
          <button type="button" class="button" onClick={more}>
            Try again
          </button>
        </Notice>
      )}
      <Table
        label={label}
        columns={columns}
        rows={past.rows.slice()} // an array that is the same is not drawn again
        keyOf={past.key}
        empty={past.isWhole ? empty : trouble === null ? "Asking the venue …" : "They are not here."}
        more={past.isWhole || trouble !== null ? null : more}
        testid={testid}
      />
      {(past.isFull || past.from !== null) && (
        <p class="quiet none from">
          {past.from === null ? "The last ones" : `Those until ${utc.format(past.from)} UTC`}.{" "}
          {past.isFull && (
            <button type="button" class="button" onClick={() => past.begin(past.end)}>
              Those before {utc.format(past.end ?? 0)} UTC
            </button>
          )}{" "}
          {past.from !== null && (
            <button type="button" class="button" onClick={() => past.begin(null)}>
              The last ones
            </button>
          )}
        </p>
      )}
    </>
  );
}
