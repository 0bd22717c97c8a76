// The FIX sessions: which are connected, from where, and how one is ended.
import type { SessionStatus, Status } from "../../net/v1.ts";
import { Cut, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { disconnect } from "./account_commands.ts";
import { Act } from "./act.tsx";
import { useAsked } from "./asked.ts";
import { Account, count } from "./shown.tsx";

type Session = Required<SessionStatus>;

export function Sessions() {
  const { found, wrong } = useAsked<Status>("/v1/operator/status?sessions=true");
  const sessions = found?.sessions as Session[] | null | undefined;
  return (
    <>
      <Wrong text={wrong ?? (sessions === null ? "A gateway does not answer." : null)} />
      <div class="tall">
        <Table
          label="FIX sessions"
          testid="sessions"
          columns={[
            { name: "Session", shown: (row) => <Account name={row.session} /> },
            { name: "Gateway", shown: (row) => row.gateway },
            { name: "Connected from", shown: (row) => row.address || "no" },
            { name: "Since", shown: (row) => row.since || "–" },
            { name: "Version", shown: (row) => row.version || "–" },
            { name: "Next in, out", shown: (row) => `${count(row.next_in)}, ${count(row.next_out)}` },
            { name: "Unsent bytes", shown: (row) => count(row.unsent_bytes) },
            { name: "Ended", shown: (row) => <Cut text={row.ended || row.refused || "–"} /> },
            {
              name: "Actions",
              isNameHidden: true,
              shown: (row) => row.address !== "" && <Act command={disconnect(row.session)}>Disconnect</Act>,
            },
          ]}
          rows={sessions ?? []}
          keyOf={(row) => `${row.gateway} ${row.session}`}
          empty={sessions === undefined ? "Asking the venue …" : "There are none."}
        />
      </div>
    </>
  );
}
