// Trades, with their numbers; those that are undone, or get another price, wait for a second operator.
import { useSignal } from "@preact/signals";
import { moment } from "../../account/moments.ts";
import type { CorrectionProposed, TradeMade } from "../../net/v1.ts";
import { Again, Field, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { Act } from "./act.tsx";
import { useAsked } from "./asked.ts";
import type { Command } from "./command.ts";
import { form } from "./form.ts";
import { Dismiss, ownProposal } from "./proposals.tsx";
import { Account } from "./shown.tsx";

const ROWS = 200;

export function Trades() {
  return (
    <>
      <Corrections />
      <Made />
    </>
  );
}

/** Of a trade that is known. */
function correction({ symbol, trade, matcher }: TradeMade): Command {
  const now = { symbol, trade: String(trade), matcher: String(matcher) };
  return { ...form("ProposeCorrection", {}, { now }), title: `Undo or correct trade ${trade}` };
}

function approval({ proposal, trade, symbol, quantity, price, new_price }: CorrectionProposed): Command {
  const what = new_price === null ? "It is undone." : `Its price becomes ${new_price}.`;
  const first = `Trade ${trade} of ${symbol}, ${quantity} at ${price}. ${what} `;
  return { ...form("ApproveCorrection", { proposal }, { first }), typed: symbol };
}

/** The latest trades of an instrument, of all accounts or of one. */
function Made() {
  const wanted = useSignal<URLSearchParams | null>(null);
  const path = wanted.value === null ? null : `/v1/operator/trades?limit=${ROWS}&${wanted.value}`;
  const { found, wrong, again } = useAsked<TradeMade[]>(path);
  return (
    <Panel title="Trades" aside={<Again again={again} />}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          const text = (name: string) => String(form.get(name) ?? "").trim();
          if (text("symbol") === "") return;
          const asked = new URLSearchParams({ symbol: text("symbol").toUpperCase() });
          if (text("account") !== "") asked.set("account", text("account"));
          wanted.value = asked;
        }}
      >
        <Field name="symbol" label="Symbol" testid="trades-symbol" autocomplete="off" maxLength={16} />
        <Field name="account" label="Account; empty: all" testid="trades-account" autocomplete="off" maxLength={36} />
        <button type="submit" class="button" data-testid="trades-show">
          Show trades
        </button>
      </form>
      <Wrong text={wrong} />
      <div class="tall">
        <Table
          label="Trades"
          testid="trades"
          columns={[
            { name: "Trade", shown: (row) => row.trade },
            { name: "When", shown: (row) => moment(row.when) },
            { name: "Price", shown: (row) => row.price },
            { name: "Quantity", shown: (row) => row.quantity },
            { name: "Buyer", shown: (row) => <Account name={row.buyer} /> },
            { name: "Seller", shown: (row) => <Account name={row.seller} /> },
            { name: "State", shown: (row) => row.state },
            { name: "Record", shown: (row) => <a href={`/operator/look-back?seq=${row.record}`}>{row.record}</a> },
            {
              name: "Actions",
              isNameHidden: true,
              shown: (row) =>
                row.state === "standing" && (
                  <Act command={correction(row)} testid="correct">
                    Undo or correct
                  </Act>
                ),
            },
          ]}
          rows={found ?? []}
          keyOf={(row) => `${row.matcher}/${row.trade}`}
          empty={path === null ? "Name a symbol." : found === null ? "Asking the venue …" : "There are no such trades."}
        />
      </div>
    </Panel>
  );
}

function Corrections() {
  const { found, wrong, again } = useAsked<CorrectionProposed[]>("/v1/operator/corrections");
  return (
    <Panel
      title="Pending corrections"
      aside={
        <>
          <Again again={again} />
          <Act command={form("ProposeCorrection")} testid="propose-correction">
            Undo or correct a trade
          </Act>
        </>
      }
    >
      <Wrong text={wrong} />
      <Table
        label="Pending corrections"
        testid="corrections"
        columns={[
          { name: "Proposal", shown: (row) => row.proposal },
          { name: "Symbol", shown: (row) => row.symbol },
          { name: "Trade", shown: (row) => row.trade },
          { name: "Price", shown: (row) => row.price },
          { name: "Quantity", shown: (row) => row.quantity },
          { name: "Buyer", shown: (row) => <Account name={row.buyer} /> },
          { name: "Seller", shown: (row) => <Account name={row.seller} /> },
          { name: "Becomes", shown: (row) => (row.new_price === null ? "undone" : `at ${row.new_price}`) },
          { name: "Proposed by", shown: (row) => <Account name={row.by} /> },
          { name: "When", shown: (row) => moment(row.when) },
          {
            name: "Actions",
            isNameHidden: true,
            shown: (row) => (
              <>
                <Act command={approval(row)} why={ownProposal(row.by)} testid="approve">
                  Approve
                </Act>
                <Dismiss proposal={row.proposal} by={row.by} />
              </>
            ),
          },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.proposal}
        empty={found === null ? "Asking the venue …" : "No correction waits."}
      />
    </Panel>
  );
}
