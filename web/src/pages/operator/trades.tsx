// Trades that are undone, or get another price: what is proposed, and waits for a second operator.
import { moment } from "../../account/moments.ts";
import type { CorrectionProposed } from "../../net/v1.ts";
import { Again, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { Act } from "./act.tsx";
import { useAsked } from "./asked.ts";
import { ownProposal } from "./money.tsx";
import { approveCorrection, CORRECT } from "./money_commands.ts";
import { Account } from "./shown.tsx";

export function Trades() {
  const { found, wrong, again } = useAsked<CorrectionProposed[]>("/v1/operator/corrections");
  return (
    <Panel
      title="Pending corrections"
      aside={
        <>
          <Again again={again} />
          <Act command={CORRECT} testid="propose-correction">
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
              <Act command={approveCorrection(row)} why={ownProposal(row.by)} testid="approve">
                Approve
              </Act>
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
