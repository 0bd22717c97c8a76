// A table of what was, without an end: it fetches further rows as its end comes near, and begins anew where it is full.
import { useSignal } from "@preact/signals";
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
  const trouble = useSignal<string | null>(null);
  past.changed.value;
  const more = useCallback(() => {
    trouble.value = null;
    past.more().catch((error) => {
      trouble.value = told(error);
    });
  }, [past, trouble]);
  const isBare = past.rows.length === 0 && !past.isWhole && trouble.value === null;
  const isSomebody = state.value === "somebody";
  const { beginnings } = past;
  useEffect(() => {
    if (beginnings >= 0 && isBare && isSomebody) more();
  }, [beginnings, isBare, isSomebody, more]);
  return (
    <>
      {trouble.value !== null && (
        <Notice isBad>
          {trouble.value}{" "}
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
        empty={isBare ? "Asking the venue …" : empty}
        more={past.isWhole || trouble.value !== null ? null : more}
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
