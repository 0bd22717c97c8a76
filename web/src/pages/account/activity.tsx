// Who has logged in as this account, and what it has looked at: one's own audit.
import { usePages } from "../../account/answer.ts";
import { moment } from "../../account/moments.ts";
import type { AuditShown } from "../../net/v1.ts";
import { Notice, Panel } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";

export function Activity() {
  const audit = usePages<AuditShown>("/v1/account/audit", (row) => row.id);
  return (
    <Panel
      title="Activity"
      class="wide"
      aside={
        <button type="button" class="button" onClick={audit.again}>
          Look again
        </button>
      }
    >
      {audit.problem !== null && <Notice isBad>{audit.problem}</Notice>}
      <Table
        label="Activity"
        testid="activity"
        columns={[
          { name: "When", shown: (row) => moment(row.time) },
          { name: "What", shown: (row) => row.action },
          { name: "Of", shown: (row) => <bdi class="cut">{row.subject}</bdi> },
          { name: "From", shown: (row) => row.address },
        ]}
        rows={audit.rows}
        keyOf={(row) => row.id}
        empty="Nothing yet."
        more={audit.more}
      />
    </Panel>
  );
}
