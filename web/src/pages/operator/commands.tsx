// Operators' commands, the newest first: who gave which, when, and with which outcome; each leads to its record.
import { useSignal } from "@preact/signals";
import { moment } from "../../account/moments.ts";
import type { CommandGiven } from "../../net/v1.ts";
import { Again, Cut, Field, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { useAsked } from "./asked.ts";
import { Account, words } from "./shown.tsx";

const ROWS = 200;

export function Commands() {
  const by = useSignal("");
  const before = useSignal(0);
  const asked = new URLSearchParams({ limit: String(ROWS), before: String(before.value) });
  if (by.value !== "") asked.set("by", by.value);
  const { found, wrong, again } = useAsked<CommandGiven[]>(`/v1/operator/commands?${asked}`);
  const oldest = found?.at(-1)?.record;
  return (
    <Panel title="Commands" aside={<Again again={again} />}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          by.value = String(new FormData(event.currentTarget).get("by") ?? "").trim();
          before.value = 0;
        }}
      >
        <Field
          name="by"
          label="Commands of one operator; Enter shows them"
          testid="commands-by"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={36}
        />
      </form>
      <Wrong text={wrong} />
      <div class="tall">
        <Table
          label="Commands"
          testid="commands"
          columns={[
            { name: "Record", shown: (row) => <a href={`/operator/look-back?seq=${row.record}`}>{row.record}</a> },
            { name: "When", shown: (row) => moment(row.when) },
            { name: "By", shown: (row) => (row.by === "" ? "the configuration" : <Account name={row.by} />) },
            { name: "Outcome", shown: (row) => words(row.outcome) },
            { name: "What", shown: (row) => <Cut text={row.what} /> },
          ]}
          rows={found ?? []}
          keyOf={(row) => row.record}
          empty={found === null ? "Asking the venue …" : "There are no such commands."}
        />
      </div>
      {found !== null && found.length === ROWS && oldest !== undefined && (
        <button
          type="button"
          class="button"
          data-testid="commands-older"
          onClick={() => {
            before.value = oldest;
          }}
        >
          Show older commands
        </button>
      )}
    </Panel>
  );
}
