// Money that comes in and goes out, and what of it waits for a second operator.
import { moment } from "../../account/moments.ts";
import { person } from "../../net/session.ts";
import type { BalanceShown, MoneyProposed, WithdrawalWaiting } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Again, Cut, Panel, Wrong } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Act } from "./act.tsx";
import { useAsked } from "./asked.ts";
import type { Command } from "./command.ts";
import { form, type Operation } from "./form.ts";
import { Dismiss, ownProposal } from "./proposals.tsx";
import { Account, words } from "./shown.tsx";

export function Money() {
  return (
    <>
      <Withdrawals />
      <Proposals
        title="Pending deposits"
        path="/v1/operator/deposits"
        approve={({ proposal, by }) =>
          form("ApproveDeposit", { approves: proposal }, { first: `${by} has proposed it. ` })
        }
        testid="deposits"
        empty="No deposit waits. Those above a limit of the day do."
        command={form("MakeDeposit")}
        verb="Deposit"
      />
      <Proposals
        title="Pending adjustments"
        path="/v1/operator/adjustments"
        approve={approveAdjustment}
        testid="adjustments"
        empty="No adjustment waits."
        command={form("AdjustBalance")}
        verb="Adjust a balance"
      />
      <DepositLimits />
      <Fees />
    </>
  );
}

/** Why who is logged in can't approve a withdrawal; null: he can. */
export function whyNot(row: WithdrawalWaiting, name: string | undefined): string | null {
  if (row.account === name) return "It is your own: two others approve it.";
  if (name !== undefined && row.approved_by.includes(name)) return "You approved it: another operator does next.";
  return null;
}

function Withdrawals() {
  const { found, wrong, again } = useAsked<WithdrawalWaiting[]>("/v1/operator/withdrawals");
  return (
    <Panel
      title="Pending withdrawals"
      aside={
        <>
          <Again again={again} />
          <Act command={form("ProposeWithdrawal")} testid="withdraw">
            Propose a withdrawal
          </Act>
        </>
      }
    >
      <Wrong text={wrong} />
      <Table
        label="Pending withdrawals"
        testid="withdrawals"
        columns={[
          { name: "Number", shown: (row) => row.withdrawal },
          { name: "Account", shown: (row) => <Account name={row.account} /> },
          { name: "Amount", shown: (row) => `${row.amount} ${row.asset}` },
          { name: "To", shown: (row) => <Cut text={row.destination} /> },
          { name: "Requested", shown: (row) => moment(row.when) },
          { name: "State", shown: (row) => words(row.state) },
          { name: "Approved by", shown: (row) => row.approved_by.join(", ") || "nobody" },
          { name: "Actions", isNameHidden: true, shown: (row) => <Steps row={row} /> },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.withdrawal}
        rowTestid={(row) => `withdrawal-${row.withdrawal}`}
        empty={found === null ? "Asking the venue …" : "No withdrawal waits."}
      />
    </Panel>
  );
}

function step(name: Operation, { withdrawal, amount, asset, account }: WithdrawalWaiting): Command {
  const first = `${amount} ${asset} of ${account}. `;
  return { ...form(name, { withdrawal }, { first }), typed: account };
}

function approveAdjustment({ proposal, by, account, asset, amount }: MoneyProposed): Command {
  const first = `${by} has proposed to change the balance of ${account} by ${amount} ${asset}. `;
  return { ...form("ApproveAdjustment", { proposal }, { first }), typed: account };
}

function Steps({ row }: { row: WithdrawalWaiting }) {
  return (
    <>
      {row.state === "approved" ? (
        <Act command={step("PayWithdrawal", row)} testid="paid">
          Paid
        </Act>
      ) : (
        <Act command={step("ApproveWithdrawal", row)} why={whyNot(row, person.value?.name)} testid="approve">
          Approve
        </Act>
      )}
      <Act command={step("RejectWithdrawal", row)} testid="reject">
        Reject
      </Act>
    </>
  );
}

/** What one operator has proposed and another approves. */
function Proposals(props: {
  title: string;
  path: string;
  approve: (row: MoneyProposed) => Command;
  testid: string;
  empty: string;
  command: Command;
  verb: string;
}) {
  const { found, wrong, again } = useAsked<MoneyProposed[]>(props.path);
  const columns: readonly Column<MoneyProposed>[] = [
    { name: "Proposal", shown: (row) => row.proposal },
    { name: "Account", shown: (row) => <Account name={row.account} /> },
    { name: "Amount", shown: (row) => `${row.amount} ${row.asset}` },
    { name: "Proposed by", shown: (row) => <Account name={row.by} /> },
    { name: "When", shown: (row) => moment(row.when) },
    {
      name: "Actions",
      isNameHidden: true,
      shown: (row) => (
        <>
          <Act command={props.approve(row)} why={ownProposal(row.by)} testid="approve">
            Approve
          </Act>
          <Dismiss proposal={row.proposal} by={row.by} />
        </>
      ),
    },
  ];
  return (
    <Panel
      title={props.title}
      aside={
        <>
          <Again again={again} />
          <Act command={props.command} testid={`propose-${props.testid}`}>
            {props.verb}
          </Act>
        </>
      }
    >
      <Wrong text={wrong} />
      <Table
        label={props.title}
        testid={props.testid}
        columns={columns}
        rows={found ?? []}
        keyOf={(row) => row.proposal}
        empty={found === null ? "Asking the venue …" : props.empty}
      />
    </Panel>
  );
}

function DepositLimits() {
  const { found, wrong } = useAsked<Record<string, string>>("/v1/operator/deposit-limits");
  return (
    <Panel
      title="Deposit limits"
      aside={
        <Act command={form("LimitDeposits")} testid="deposit-limit">
          Set one
        </Act>
      }
    >
      <Wrong text={wrong} />
      <Table
        label="Deposit limits"
        testid="deposit-limits"
        columns={[
          { name: "Asset", shown: ([asset]) => asset },
          { name: "One operator alone deposits in a day at most", shown: ([, amount]) => amount },
        ]}
        rows={Object.entries(found ?? {})}
        keyOf={([asset]) => asset}
        empty={found === null ? "Asking the venue …" : "None: every deposit takes two operators."}
      />
    </Panel>
  );
}

function Fees() {
  const { found, wrong } = useAsked<BalanceShown[]>("/v1/operator/fees");
  return (
    <Panel
      title="Fees taken"
      aside={
        <Act command={form("PayOutFees")} testid="pay-out">
          Pay out
        </Act>
      }
    >
      <Wrong text={wrong} />
      <Table
        label="Fees taken"
        testid="fees"
        columns={[
          { name: "Asset", shown: (row) => row.asset },
          { name: "Amount", shown: (row) => grouped(row.total) },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.asset}
        empty={found === null ? "Asking the venue …" : "The venue has taken no fees yet."}
      />
    </Panel>
  );
}
