// The venue as it was just after any command: what came of it, why it was refused, and the book and balances then.
import { useSignal } from "@preact/signals";
import type { BookThen, LevelThen, Moment, RefusalThen } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Cut, Fact, Field, Panel, Select, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { go, query } from "../../router.ts";
import { useAsked } from "./asked.ts";
import { type Named, questionOf } from "./question.ts";
import { Account, count, words } from "./shown.tsx";

const BY: Readonly<Record<Named, string>> = {
  seq: "its record in the log",
  order: "the order that it brought",
  time: "a time (UTC)",
};

export function LookBack() {
  const asked = new URLSearchParams(query.value);
  const by = (Object.keys(BY) as Named[]).find((each) => asked.has(each));
  const { found, wrong } = useAsked<Moment>(by === undefined ? null : `/v1/operator/at?${asked}`);
  return (
    <>
      <Question key={query.value} asked={asked} by={by ?? "seq"} />
      <Wrong text={wrong} />
      {by !== undefined && found === null && wrong === null && (
        <p class="quiet none">The venue replays its journal up to there: this may take some seconds …</p>
      )}
      {found !== null && <Then moment={found} />}
    </>
  );
}

function Question({ asked, by }: { asked: URLSearchParams; by: Named }) {
  const wrong = useSignal<string | null>(null);
  const given = (name: string) => asked.get(name) ?? "";
  return (
    <Panel title="Look back">
      <form
        class="form line"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const found = questionOf((name) => String(form.get(name) ?? "").trim());
          wrong.value = typeof found === "string" ? found : null;
          if (typeof found !== "string") go(`/operator/look-back?${found}`);
        }}
      >
        <Select label="A command, named by" name="by" of={BY} chosen={by} testid="look-by" />
        <Field
          label="Which one"
          name="which"
          defaultValue={given(by)}
          wrong={wrong.value ?? undefined}
          placeholder="1 or 2026-01-31 09:30:00"
          maxLength={40}
          autocomplete="off"
          testid="look-which"
        />
        <Field
          label="Also the account"
          name="account"
          defaultValue={given("account")}
          maxLength={36}
          autocomplete="off"
        />
        <Field
          label="Also the book of"
          name="symbol"
          defaultValue={given("symbol")}
          maxLength={16}
          autocomplete="off"
        />
        <button type="submit" class="button first" data-testid="look-submit">
          Look
        </button>
      </form>
    </Panel>
  );
}

function Then({ moment }: { moment: Moment }) {
  const { command, refusal } = moment;
  return (
    <>
      <Panel
        title={`Record ${command.seq}`}
        aside={
          <>
            {command.seq > 1 && <a href={`/operator/look-back?seq=${command.seq - 1}`}>Before</a>}
            <a href={`/operator/look-back?seq=${command.seq + 1}`}>Next</a>
          </>
        }
      >
        <dl class="facts" data-testid="then-command">
          <Fact name="Command">
            <bdi>{command.words}</bdi>
          </Fact>
          <Fact name="Verdict" testid="then-verdict">
            {command.verdict}
          </Fact>
          <Fact name="When">{command.time}</Fact>
          <Fact name="Replayed">
            {count(moment.replayed)} records
            {moment.snapshot > 0 && `, from the snapshot at ${count(moment.snapshot)}`}
          </Fact>
        </dl>
        {refusal !== null && <Refusal refusal={refusal} />}
        <Told lines={moment.events} name="What came of it" />
        <Told lines={moment.notes} name="Notes" />
      </Panel>
      {moment.books.map((book) => (
        <Book key={book.symbol} book={book} />
      ))}
      <Accounts moment={moment} />
    </>
  );
}

function Refusal({ refusal }: { refusal: RefusalThen }) {
  return (
    <div class="notice" data-testid="then-refusal">
      <strong>
        Refused by {refusal.by}: {refusal.code} ({refusal.number}).
      </strong>{" "}
      {refusal.meaning}. What to do: {refusal.remedy}.
      <dl class="facts">
        {Object.entries(refusal.figures).map(([name, figure]) => (
          <Fact key={name} name={name}>
            <bdi>{figure}</bdi>
          </Fact>
        ))}
      </dl>
    </div>
  );
}

function Told({ lines, name }: { lines: readonly string[]; name: string }) {
  if (lines.length === 0) return null;
  return (
    <div class="lines">
      <h3>{name}</h3>
      <ul>
        {lines.map((line, i) => (
          <li key={i}>
            <bdi>{line}</bdi>
          </li>
        ))}
      </ul>
    </div>
  );
}

function Book({ book }: { book: BookThen }) {
  return (
    <Panel title={`Book of ${book.symbol}`}>
      <dl class="facts">
        <Fact name="Phase">{words(book.phase)}</Fact>
        <Fact name="Last price">{book.last_price || "none"}</Fact>
        <Fact name="Reference price">{book.reference_price || "none"}</Fact>
        <Fact name="Matcher">{book.matcher}</Fact>
      </dl>
      <div class="pair" data-testid={`then-book-${book.symbol}`}>
        <Side label="Bids" levels={book.bids} />
        <Side label="Asks" levels={book.asks} />
      </div>
    </Panel>
  );
}

function Side({ label, levels }: { label: string; levels: readonly LevelThen[] }) {
  return (
    <Table
      label={label}
      columns={[
        { name: label, shown: (row) => grouped(row.price) },
        { name: "Quantity", shown: (row) => row.quantity },
        { name: "Shown", shown: (row) => row.shown },
        { name: "Orders", shown: (row) => row.orders },
      ]}
      rows={levels}
      keyOf={(row) => row.price}
      empty="none"
    />
  );
}

function Accounts({ moment }: { moment: Moment }) {
  return (
    <>
      <Panel title="Balances then">
        <Table
          label="Balances then"
          testid="then-balances"
          columns={[
            { name: "Account", shown: (row) => <Account name={row.account} /> },
            { name: "Asset", shown: (row) => row.asset },
            { name: "Free", shown: (row) => grouped(row.free) },
            { name: "Held", shown: (row) => grouped(row.held) },
          ]}
          rows={moment.balances}
          keyOf={(row) => `${row.account} ${row.asset}`}
          empty="None are concerned. Name an account to see its."
        />
      </Panel>
      <Panel title="Open orders then">
        <div class="tall">
          <Table
            label="Open orders then"
            testid="then-orders"
            columns={[
              { name: "Order", shown: (row) => row.order_id },
              { name: "Client order ID", shown: (row) => <Cut text={row.cl_ord_id} /> },
              { name: "Account", shown: (row) => <Account name={row.account} /> },
              { name: "Symbol", shown: (row) => row.symbol },
              { name: "Side", shown: (row) => words(row.side) },
              { name: "Type", shown: (row) => words(row.type) },
              { name: "Price", shown: (row) => row.price || "–" },
              { name: "Quantity", shown: (row) => row.quantity },
              { name: "Open", shown: (row) => row.open },
              { name: "Waits", shown: (row) => (row.waits ? "yes" : "no") },
            ]}
            rows={moment.orders}
            keyOf={(row) => row.order_id}
            empty="None."
          />
        </div>
      </Panel>
    </>
  );
}
