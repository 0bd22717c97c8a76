// Money that goes out: held from when it is asked for, approved by two operators, and taken back until they have.
import { own } from "../../account/line.ts";
import { moment } from "../../account/moments.ts";
import { useDeed } from "../../account/submission.ts";
import { usePaged } from "../../net/paged.ts";
import { call } from "../../net/session.ts";
import type { WithdrawalShown } from "../../net/v1.ts";
import { grouped } from "../../number/decimal.ts";
import { Confirmed } from "../../parts/confirmed.tsx";
import { Cut, Panel, Wrong } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { AskWithdrawal } from "./ask_withdrawal.tsx";

const PAGE = 100;
const MOST = 10_000;
const CANCELLABLE = new Set(["requested", "approved_once"]);
const STATES: Readonly<Record<string, string>> = {
  requested: "waits for operators",
  approved_once: "one operator has approved",
  approved: "approved, to be paid",
};

function place(last: WithdrawalShown | undefined): string {
  return `/v1/withdrawals?limit=${PAGE}${last === undefined ? "" : `&before=${last.number}`}`;
}

export function Withdrawals() {
  const asked = usePaged(place, PAGE, MOST, own.withdrawals.value);
  const deed = useDeed();
  const cancel = (number: number) =>
    deed.run(async () => {
      await call(`/v1/withdrawals/${number}`, { method: "DELETE" });
      asked.again();
    });
  const columns: Column<WithdrawalShown>[] = [
    { name: "Number", shown: (row) => row.number },
    {
      name: "Amount",
      shown: (row) => (
        <>
          {grouped(row.amount)} <bdi>{row.asset}</bdi>
        </>
      ),
    },
    {
      name: "To",
      shown: (row) => <Cut text={row.destination} />,
    },
    { name: "Requested", shown: (row) => moment(row.requested) },
    { name: "State", shown: (row) => STATES[row.state] ?? row.state },
    { name: "Since", shown: (row) => moment(row.ended ?? row.second_approved ?? row.first_approved ?? row.requested) },
    {
      name: "Actions",
      isNameHidden: true,
      shown: (row) =>
        CANCELLABLE.has(row.state) && (
          <Confirmed
            label="Cancel"
            name={`Cancel withdrawal ${row.number}`}
            isBusy={deed.isBusy}
            act={() => cancel(row.number)}
          >
            <p>
              {grouped(row.amount)} {row.asset} are free again.
            </p>
          </Confirmed>
        ),
    },
  ];
  return (
    <Panel title="Withdrawals" class="wide">
      <Wrong text={deed.problem ?? asked.wrong} />
      <Table
        label="Withdrawals"
        testid="withdrawals"
        columns={columns}
        rows={asked.rows ?? []}
        keyOf={(row) => row.number}
        empty="You have requested none."
        more={asked.more}
      />
      <AskWithdrawal asked={asked.again} />
      <p class="quiet none">
        Deposits are entered by the venue's operators. They are in your balances at once, and in the statements of your{" "}
        <a href="/portfolio">portfolio</a>.
      </p>
    </Panel>
  );
}
