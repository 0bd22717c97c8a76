// Everything that waits for a second operator or admin: it is approved here, or where its kind is, and dismissed.
import { moment } from "../../account/moments.ts";
import { person } from "../../net/session.ts";
import type { ProposalShown } from "../../net/v1.ts";
import { Again, Cut, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { Act } from "./act.tsx";
import { useAsked } from "./asked.ts";
import type { Command } from "./command.ts";
import { form } from "./form.ts";
import { Account, words } from "./shown.tsx";

const BY_ADMINS: ReadonlySet<string> = new Set(["account", "deposit_limit", "welcome", "registration"]);
const HERE: ReadonlySet<string> = new Set(["withdrawal", ...BY_ADMINS]);

/** Why this person can't approve what `by` has proposed; null: nothing forbids it. */
export function ownProposal(by: string): string | null {
  return by === person.value?.name ? "You proposed it: another operator approves it." : null;
}

function dismissal(proposal: number, isOwn: boolean, forAdmins: boolean): Command {
  const verb = isOwn ? "Withdraw" : "Reject";
  return {
    ...form("DismissProposal", { proposal }),
    title: `${verb} proposal ${proposal}`,
    verb: `${verb} it`,
    forAdmins,
  };
}

/** The button that ends a proposal: its proposer withdraws it, everybody else rejects it. */
export function Dismiss({ proposal, by, forAdmins = false }: { proposal: number; by: string; forAdmins?: boolean }) {
  const isOwn = by === person.value?.name;
  return (
    <Act command={dismissal(proposal, isOwn, forAdmins && !isOwn)} testid="dismiss">
      {isOwn ? "Withdraw" : "Reject"}
    </Act>
  );
}

export function Proposals() {
  const { found, wrong, again } = useAsked<ProposalShown[]>("/v1/operator/proposals");
  return (
    <Panel title="Pending proposals" aside={<Again again={again} />}>
      <Wrong text={wrong} />
      <Table
        label="Pending proposals"
        testid="proposals"
        columns={[
          { name: "Proposal", shown: (row) => <a href={`/operator/look-back?seq=${row.proposal}`}>{row.proposal}</a> },
          { name: "Kind", shown: (row) => (row.kind === "account" ? "role" : words(row.kind)) },
          { name: "Change", shown: (row) => <Cut text={row.what} /> },
          { name: "Proposed by", shown: (row) => <Account name={row.by} /> },
          { name: "When", shown: (row) => moment(row.when) },
          { name: "Actions", isNameHidden: true, shown: (row) => <Steps row={row} /> },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.proposal}
        rowTestid={(row) => `proposal-${row.proposal}`}
        empty={found === null ? "Asking the venue …" : "No proposal waits. Password resets are listed under Accounts."}
      />
    </Panel>
  );
}

function Steps({ row }: { row: ProposalShown }) {
  return (
    <>
      {HERE.has(row.kind) ? (
        <Act
          command={form(
            "ApproveProposal",
            { proposal: row.proposal },
            { first: `${row.by} has proposed this: ${row.what}. ` },
          )}
          why={ownProposal(row.by)}
          testid="approve"
        >
          Approve
        </Act>
      ) : (
        <a href={row.kind === "correction_proposal" ? "/operator/trades" : "/operator/money"}>Approve it there</a>
      )}
      <Dismiss proposal={row.proposal} by={row.by} forAdmins={BY_ADMINS.has(row.kind)} />
    </>
  );
}
