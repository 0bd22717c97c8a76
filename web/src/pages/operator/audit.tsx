// Who has logged in, and who has looked at what: the latest first.
import { moment } from "../../account/moments.ts";
import { usePaged } from "../../net/paged.ts";
import type { AuditShown } from "../../net/v1.ts";
import { Again, Cut, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { Account } from "./shown.tsx";

const PAGE = 200;
const MOST = 20_000;

function place(last: AuditShown | undefined): string {
  return `/v1/account/audit?of_all=true&limit=${PAGE}${last === undefined ? "" : `&before=${last.id}`}`;
}

export function Audit() {
  const { rows, wrong, more, again } = usePaged(place, PAGE, MOST);
  return (
    <Panel title="Who looked, and who logged in" aside={<Again again={again} />}>
      <Wrong text={wrong} />
      <p class="quiet none">Commands are in the log itself: look back at any of them by its record.</p>
      <div class="tall">
        <Table
          label="Who looked, and who logged in"
          testid="audit"
          columns={[
            { name: "When", shown: (row) => moment(row.time) },
            { name: "Who", shown: (row) => <Account name={row.account} /> },
            { name: "Did", shown: (row) => row.action },
            { name: "Of", shown: (row) => <Cut text={row.subject} /> },
            { name: "From", shown: (row) => row.address },
          ]}
          rows={rows ?? []}
          keyOf={(row) => row.id}
          empty={rows === null ? "Asking the venue …" : "There is nothing yet."}
          more={more}
        />
      </div>
    </Panel>
  );
}
