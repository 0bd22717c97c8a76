// The keys by which programs act for this account.
import { useSignal } from "@preact/signals";
import { own } from "../../account/line.ts";
import { moment } from "../../account/moments.ts";
import { useDeed } from "../../account/submission.ts";
import { useAnswer } from "../../net/answer.ts";
import { call } from "../../net/session.ts";
import type { KeyShown, Made } from "../../net/v1.ts";
import { Confirmed } from "../../parts/confirmed.tsx";
import { Panel, Wrong } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { NewKey } from "./new_key.tsx";
import { SecretOnce } from "./secret_once.tsx";

const SIGNS_BY: Readonly<Record<string, string>> = { hmac: "secret", ed25519: "Ed25519", rsa: "RSA" };

export function KeysPanel() {
  const keys = useAnswer<KeyShown[]>("/v1/keys", own.account.value);
  const made = useSignal<Made | null>(null);
  const deed = useDeed();
  const change = (method: "POST" | "DELETE", path: string) =>
    deed.run(async () => {
      const answer = await call<Made | undefined>(`/v1/keys/${path}`, { method });
      if (answer !== undefined) made.value = answer;
      keys.again();
    });
  const columns: Column<KeyShown>[] = [
    {
      name: "Key",
      shown: (row) => (
        <code class="cut" title={row.name}>
          {row.name}
        </code>
      ),
    },
    { name: "Signs by", shown: (row) => SIGNS_BY[row.kind] },
    { name: "May", shown: (row) => row.scopes.join(", ") },
    {
      name: "From",
      shown: (row) => (
        <span class="cut" title={row.addresses.join(", ")}>
          {row.addresses.join(", ") || "anywhere"}
        </span>
      ),
    },
    { name: "Until", shown: (row) => moment(row.expires) },
    { name: "Made", shown: (row) => moment(row.defined) },
    {
      name: "Actions",
      isNameHidden: true,
      shown: (row) => (
        <>
          {row.kind === "hmac" && (
            <Confirmed
              label="Rotate"
              name={`Rotate ${row.name}`}
              isBusy={deed.isBusy}
              act={() => change("POST", `${row.name}/rotate`)}
            >
              <p>Another key with another secret takes its place, and this one is refused at once.</p>
            </Confirmed>
          )}{" "}
          <Confirmed
            label="Delete"
            name={`Delete ${row.name}`}
            isBusy={deed.isBusy}
            act={() => change("DELETE", row.name)}
          >
            <p>Programs that use it are refused at once, for ever. Their open orders stay.</p>
          </Confirmed>
        </>
      ),
    },
  ];
  return (
    <Panel title="API keys" class="wide">
      <Wrong text={deed.problem ?? keys.wrong} />
      {made.value !== null && (
        <SecretOnce
          made={made.value}
          kept={() => {
            made.value = null;
          }}
        />
      )}
      <Table
        label="API keys"
        testid="keys"
        columns={columns}
        rows={keys.found ?? []}
        keyOf={(row) => row.name}
        empty="No program acts for you."
      />
      <NewKey
        made={(its) => {
          made.value = its;
          keys.again();
        }}
      />
    </Panel>
  );
}
