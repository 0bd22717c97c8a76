// What became of balances in a span of time: the sums, every line behind them, and both as files.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { utc } from "../../account/moments.ts";
import { NoAnswer, Problem } from "../../net/http.ts";
import { call } from "../../net/session.ts";
import type { AssetSums, Statement } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Choices, Field, Notice, Panel } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { clock } from "../../venue.ts";
import { Download } from "./download.tsx";
import { Lines } from "./lines.tsx";
import { EVER, moment, type Span, typed } from "./span.ts";

const DAY = 86_400_000;
const SPANS = ["Today", "7 days", "30 days", "All"] as const;
type SpanName = (typeof SPANS)[number];

function since(name: SpanName, now: number): number {
  const today = now - (now % DAY);
  switch (name) {
    case "Today":
      return today;
    case "7 days":
      return today - 6 * DAY;
    case "30 days":
      return today - 29 * DAY;
    case "All":
      return EVER;
  }
}

const COLUMNS: readonly Column<AssetSums>[] = [
  { name: "Asset", shown: (row) => row.asset },
  ...(
    ["opening", "deposits", "withdrawals", "adjustments", "corrections", "bought", "sold", "fees", "closing"] as const
  ).map((name) => ({ name: name[0]?.toUpperCase() + name.slice(1), shown: (row: AssetSums) => grouped(row[name]) })),
];

interface Wrong {
  from?: string;
  to?: string;
  other?: string;
}

export function Statements() {
  const chosen = useSignal<SpanName | null>("Today");
  const from = useSignal("");
  const to = useSignal("");
  const statement = useSignal<Statement | null>(null);
  const wrong = useSignal<Wrong>({});
  const isBusy = useSignal(false);
  const wanted = useRef<Span | null>(null);
  const show = async (span: Span) => {
    wanted.current = span;
    isBusy.value = true;
    wrong.value = {};
    try {
      const until = span.to === null ? "" : `&to=${span.to}`;
      const found = await call<Statement>(`/v1/statements?from=${span.from}${until}`);
      if (wanted.current === span) statement.value = found;
    } catch (error) {
      if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
      if (wanted.current !== span) return;
      const field =
        error instanceof Problem && (error.field === "from" || error.field === "to") ? error.field : "other";
      wrong.value = { [field]: error.message };
    } finally {
      if (wanted.current === span) isBusy.value = false;
    }
  };
  const choose = (name: SpanName) => {
    chosen.value = name;
    const begins = since(name, Math.floor(clock.now()));
    from.value = typed(begins);
    to.value = "";
    void show({ from: begins, to: null });
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const begins = moment(from.value);
    const ends = to.value === "" ? null : moment(to.value);
    if (begins === undefined) wrong.value = { from: "Choose a moment." };
    else if (ends === undefined) wrong.value = { to: "Choose a moment, or none for now." };
    else void show({ from: begins, to: ends });
  };
  const edited = (field: { value: string }) => (event: { currentTarget: HTMLInputElement }) => {
    field.value = event.currentTarget.value;
    chosen.value = null;
    wrong.value = {};
  };
  useEffect(() => choose("Today"), []);
  return (
    <Panel
      title="Statements"
      aside={<Choices<SpanName> label="Which span" of={SPANS} chosen={chosen.value} choose={choose} />}
    >
      <form class="span" onSubmit={submit} noValidate>
        <Field
          label="From (UTC)"
          type="datetime-local"
          step={1}
          value={from.value}
          wrong={wrong.value.from}
          testid="statement-from"
          onInput={edited(from)}
        />
        <Field
          label="Before (UTC; empty: now)"
          type="datetime-local"
          step={1}
          value={to.value}
          wrong={wrong.value.to}
          testid="statement-to"
          onInput={edited(to)}
        />
        <button type="submit" class="button first" disabled={isBusy.value} data-testid="statement-show">
          Show
        </button>
      </form>
      {wrong.value.other !== undefined && <Notice isBad>{wrong.value.other}</Notice>}
      {statement.value !== null && <Shown key={`${statement.value.from}/${statement.value.to}`} of={statement.value} />}
    </Panel>
  );
}

function Shown({ of }: { of: Statement }) {
  const span = `from=${of.from}&to=${of.to}`;
  return (
    <>
      <p class="note" data-testid="statement-span">
        From {utc.format(of.from)} to {utc.format(of.to)} UTC, as far as record {of.seq} of the log. Opening + deposits
        − withdrawals + adjustments + corrections + bought − sold − fees = closing, exactly.
      </p>
      <Table
        label="Statement"
        testid="statement"
        columns={COLUMNS}
        rows={of.assets}
        keyOf={(row) => row.asset}
        empty="This account never had anything."
      />
      <div class="span">
        <Download path={`/v1/statements.csv?${span}`} label="Statement as CSV" testid="statement-csv" />
        <Download path={`/v1/statements/lines.csv?${span}`} label="All lines as CSV" testid="lines-csv" />
      </div>
      <Lines span={span} />
    </>
  );
}
