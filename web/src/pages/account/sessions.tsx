// Where somebody is logged in as this account. One ends at once, here and wherever it is open.
import { moment } from "../../account/moments.ts";
import { useDeed } from "../../account/submission.ts";
import { useAnswer } from "../../net/answer.ts";
import { call } from "../../net/session.ts";
import type { SessionShown } from "../../net/v1.ts";
import { Panel, Wrong } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";

export function Sessions() {
  const sessions = useAnswer<SessionShown[]>("/v1/auth/sessions");
  const ending = useDeed();
  const rows = [...(sessions.found ?? [])].sort((a, b) => b.used - a.used);
  const others = rows.filter((each) => !each.is_this);
  const end = (which: readonly SessionShown[]) =>
    ending.run(async () => {
      try {
        for (const each of which) await call(`/v1/auth/sessions/${each.id}`, { method: "DELETE" });
      } finally {
        sessions.again();
      }
    });
  const columns: Column<SessionShown>[] = [
    {
      name: "With",
      shown: (row) => (
        <bdi class="cut" title={row.agent}>
          {row.agent || "a program that does not say"}
        </bdi>
      ),
    },
    { name: "From", shown: (row) => row.address },
    { name: "Begun", shown: (row) => moment(row.begun) },
    { name: "Last used", shown: (row) => moment(row.used) },
    {
      name: "Actions",
      isNameHidden: true,
      shown: (row) =>
        row.is_this ? (
          <strong>this one</strong>
        ) : (
          <button
            type="button"
            class="button"
            aria-label={`End the session of ${moment(row.begun)} from ${row.address}`}
            disabled={ending.isBusy}
            onClick={() => end([row])}
          >
            End
          </button>
        ),
    },
  ];
  return (
    <Panel
      title="Sessions"
      class="wide"
      aside={
        others.length > 0 && (
          <button type="button" class="button" disabled={ending.isBusy} onClick={() => end(others)}>
            End all others
          </button>
        )
      }
    >
      <Wrong text={ending.problem ?? sessions.wrong} />
      <Table
        label="Sessions"
        testid="sessions"
        columns={columns}
        rows={rows}
        keyOf={(row) => row.id}
        empty="None is known."
      />
    </Panel>
  );
}
