// Every movement behind a statement, without end: the next page is asked for when the last row is nearly seen.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { utc } from "../../account/moments.ts";
import { told } from "../../net/http.ts";
import { call } from "../../net/session.ts";
import type { LineShown, Lines as Page } from "../../net/v1.ts";
import { grouped, signed } from "../../number/decimal.ts";
import { Notice } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";

const PAGE = 200; // movements
const MOST = 50_000; // lines that are kept here; a file has them all

const COLUMNS: readonly Column<LineShown>[] = [
  { name: "Time (UTC)", shown: (row) => utc.format(row.time) },
  { name: "What", shown: (row) => what(row) },
  { name: "Asset", shown: (row) => row.asset },
  { name: "Amount", shown: (row) => signed(row.amount) },
  { name: "Fee", shown: (row) => (/[1-9]/.test(row.fee) ? grouped(row.fee) : "–") },
  { name: "Reference", shown: (row) => row.reference !== null && <bdi class="cut">{row.reference}</bdi> },
  { name: "Record", shown: (row) => row.seq },
];

function what({ kind, side, symbol, quantity, price }: LineShown): string {
  if (symbol === null) return kind;
  const at = price === null ? "undone" : `at ${grouped(price)}`;
  return `${kind === "trade" ? "" : `${kind}: `}${side} ${quantity} ${symbol} ${at}`;
}

export function Lines({ span }: { span: string }) {
  const lines = useSignal<readonly LineShown[]>([]);
  const next = useSignal<string | null>("");
  const problem = useSignal<string | null>(null);
  const isAsking = useRef(false);
  const more = async () => {
    if (isAsking.current || next.value === null) return;
    isAsking.current = true;
    problem.value = null;
    try {
      const after = next.value === "" ? "" : `&after=${next.value}`;
      const page = await call<Page>(`/v1/statements/lines?${span}&limit=${PAGE}${after}`);
      lines.value = [...lines.value, ...page.lines];
      next.value = page.next;
    } catch (error) {
      problem.value = told(error);
    } finally {
      isAsking.current = false;
    }
  };
  useEffect(() => void more(), []);
  const isFull = lines.value.length >= MOST;
  return (
    <div class="bounded">
      {problem.value !== null && (
        <Notice isBad>
          {problem.value}{" "}
          <button type="button" class="button" onClick={() => void more()}>
            Try again
          </button>
        </Notice>
      )}
      {isFull && <Notice>The first {lines.value.length} lines; the file has all.</Notice>}
      <Table
        label="Lines of the statement"
        testid="statement-lines"
        columns={COLUMNS}
        rows={lines.value}
        keyOf={(row) => `${row.seq}/${row.trade_id}/${row.side}/${row.asset}`}
        empty={next.value === null ? "Nothing moved in this span." : "Asking the venue …"}
        more={next.value === null || isFull || problem.value !== null ? null : () => void more()}
      />
    </div>
  );
}
