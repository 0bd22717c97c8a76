// Who has logged in as this account, and what it has looked at: one's own audit.
import { moment } from "../../account/moments.ts";
import { usePaged } from "../../net/paged.ts";
import type { AuditShown } from "../../net/v1.ts";
import { Again, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";

const PAGE = 100;
const MOST = 10_000;

function place(last: AuditShown | undefined): string {
  return `/v1/account/audit?limit=${PAGE}${last === undefined ? "" : `&before=${last.id}`}`;
}

export function Activity() {
  const audit = usePaged(place, PAGE, MOST);
  return (
    <Panel title="Activity" class="wide" aside={<Again again={audit.again} />}>
      <Wrong text={audit.wrong} />
      <Table
        label="Activity"
        testid="activity"
        columns={[
          { name: "When", shown: (row) => moment(row.time) },
          { name: "What", shown: (row) => row.action },
          { name: "Of", shown: (row) => <bdi class="cut">{row.subject}</bdi> },
          { name: "From", shown: (row) => row.address },
        ]}
        rows={audit.rows ?? []}
        keyOf={(row) => row.id}
        empty="Nothing yet."
        more={audit.more}
      />
    </Panel>
  );
}
