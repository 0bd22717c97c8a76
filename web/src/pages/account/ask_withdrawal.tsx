// Asking for money to be paid out. One wish has one id until the venue has said what became of it, so it is asked for once.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { own } from "../../account/line.ts";
import { mistake, useSubmission } from "../../account/submission.ts";
import { NoAnswer, Problem } from "../../net/http.ts";
import { call } from "../../net/session.ts";
import type { WithdrawalWanted } from "../../net/v1.ts";
import { explain, format, grouped, read } from "../../number/decimal.ts";
import { Field, Select, Wrong } from "../../parts/parts.tsx";
import { isLast, isUnknown, newId } from "../../trade/intent.ts";
import type { Free } from "../../trade/ticket.ts";

const UNKNOWN = new NoAnswer(
  "It is not known whether this reached the venue. Look at the list, and send it again as it is: it is asked for once.",
);

/** What is asked for, with an amount that was typed. Problem. */
function wanted(asset: string, typed: string, destination: string, free: Free | null): WithdrawalWanted {
  if (free === null) throw mistake("amount", "Your balances are not here yet: try again in a moment.");
  const { units, wrong } = read(typed, free.scale);
  if (wrong !== undefined) throw mistake("amount", explain(wrong, free.scale, "1"));
  return { asset, amount: format(units, free.scale), destination };
}

export function AskWithdrawal({ asked }: { asked: () => void }) {
  own.changed.value;
  const wish = useRef({ text: "", id: "" });
  const chosen = useSignal("");
  const times = useSignal(0);
  const rows = [...own.balances.values()].filter((row) => /[1-9]/.test(row.free));
  const asset = rows.some((row) => row.asset === chosen.value) ? chosen.value : (rows[0]?.asset ?? "");
  const free = own.free(asset);
  const form = useSubmission(["amount", "destination"], async (text) => {
    const body = wanted(asset, text("amount"), text("destination").trim(), free);
    const isAgain = wish.current.text === JSON.stringify(body);
    if (!isAgain) wish.current = { text: JSON.stringify(body), id: newId() };
    try {
      await call("/v1/withdrawals", { method: "POST", body: { ...body, id: wish.current.id } });
    } catch (error) {
      if (error instanceof NoAnswer || (error instanceof Problem && isUnknown(error))) throw UNKNOWN;
      const isThere = error instanceof Problem && error.code === "DUPLICATE_CLIENT_ID" && isAgain;
      if (!isThere) {
        if (!isAgain || (error instanceof Problem && isLast(error))) wish.current = { text: "", id: "" };
        throw error; // else the first one may be there still
      }
    } finally {
      asked();
    }
    wish.current = { text: "", id: "" };
    times.value++;
  });
  if (rows.length === 0) return <p class="quiet none">There is nothing that could be paid out.</p>;
  return (
    <form class="form" key={times.value} onSubmit={form.submit} aria-label="New withdrawal">
      <h3>A new withdrawal</h3>
      <Select
        label="Asset"
        name="asset"
        of={Object.fromEntries(rows.map((row) => [row.asset, row.asset]))}
        value={asset}
        testid="withdrawal-asset"
        onChange={(event) => {
          chosen.value = event.currentTarget.value;
        }}
      />
      <Field
        label={`Amount, of ${free === null ? "…" : grouped(format(free.units, free.scale, 0))} ${asset} that are free`}
        name="amount"
        inputMode="decimal"
        autocomplete="off"
        required
        wrong={form.wrong.amount}
        testid="withdrawal-amount"
      />
      <Field
        label="Where it goes, as this venue's operators read it"
        name="destination"
        autocomplete="off"
        spellcheck={false}
        required
        maxLength={72}
        pattern="[ -~]+"
        title="Letters, digits and signs of ASCII"
        wrong={form.wrong.destination}
        testid="withdrawal-destination"
      />
      <Wrong text={form.rest} />
      <div class="buttons">
        <button type="submit" class="button first" disabled={form.isBusy} data-testid="withdrawal-ask">
          Request it
        </button>
      </div>
    </form>
  );
}
