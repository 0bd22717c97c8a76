// A key to be made: what it may do, from where, until when, and by what it signs.
import { useSignal } from "@preact/signals";
import { mistake, useSubmission } from "../../account/submission.ts";
import { call, person } from "../../net/session.ts";
import type { Made, Wanted } from "../../net/v1.ts";
import { Field, Lines, Select, Wrong } from "../../parts/parts.tsx";

type Scope = Wanted["scopes"][number];

const SCOPES: Readonly<Record<Scope, string>> = {
  read: "read: balances, orders, fills",
  trade: "trade: place and cancel orders",
  withdraw: "withdraw: no request of programs asks for it yet",
};
const KINDS = { hmac: "a secret that the venue makes (HMAC)", own: "a private key of mine (Ed25519 or RSA)" };
const FIELDS = ["scopes", "addresses", "expires", "public_key"];

export function NewKey({ made }: { made: (made: Made) => void }) {
  const kind = useSignal<keyof typeof KINDS>("hmac");
  const times = useSignal(0);
  const mayScopes = (Object.keys(SCOPES) as Scope[]).filter((scope) => scope === "read" || mayTrade());
  const form = useSubmission(FIELDS, async (text, data) => {
    const scopes = data.getAll("scopes") as Scope[];
    if (scopes.length === 0) throw mistake("scopes", "Choose at least one.");
    const body: Wanted = {
      scopes,
      addresses: text("addresses")
        .split(/[\s,;]+/)
        .filter(Boolean),
    };
    if (text("expires") !== "") body.expires = Date.parse(`${text("expires")}T23:59:59.999Z`);
    if (kind.value === "own") body.public_key = text("public_key").trim();
    made(await call<Made>("/v1/keys", { method: "POST", body }));
    times.value++;
  });
  return (
    <form class="form" key={times.value} onSubmit={form.submit} aria-label="New key">
      <h3>A new key</h3>
      <fieldset class="checks" aria-describedby={form.wrong.scopes === undefined ? undefined : "scopes-wrong"}>
        <legend>It may</legend>
        {mayScopes.map((scope) => (
          <label key={scope} class="check">
            <input type="checkbox" name="scopes" value={scope} defaultChecked={scope === "read"} />
            {SCOPES[scope]}
          </label>
        ))}
        {form.wrong.scopes !== undefined && (
          <span class="wrong" id="scopes-wrong">
            {form.wrong.scopes}
          </span>
        )}
      </fieldset>
      <Field
        label="From these addresses or networks, eight at most; none: from anywhere"
        name="addresses"
        placeholder="192.0.2.7, 2001:db8::/64"
        autocomplete="off"
        spellcheck={false}
        maxLength={600}
        wrong={form.wrong.addresses}
        testid="key-addresses"
      />
      <Field
        label="Until the end of this day (UTC); empty: until it is deleted"
        name="expires"
        type="date"
        wrong={form.wrong.expires}
        testid="key-expires"
      />
      <Select
        label="It signs by"
        of={KINDS}
        value={kind.value}
        testid="key-kind"
        onChange={(event) => {
          kind.value = event.currentTarget.value as keyof typeof KINDS;
        }}
      />
      {kind.value === "own" && (
        <Lines
          label="Its public key, as PEM: openssl pkey -in private.pem -pubout prints it"
          name="public_key"
          required
          rows={4}
          autocomplete="off"
          spellcheck={false}
          maxLength={4096}
          wrong={form.wrong.public_key}
          testid="key-public"
        />
      )}
      <Wrong text={form.rest} />
      <div class="buttons">
        <button type="submit" class="button first" disabled={form.isBusy} data-testid="key-make">
          Make a key
        </button>
      </div>
    </form>
  );
}

/** An auditor only looks, and so do its keys. */
function mayTrade(): boolean {
  return person.value?.role !== "auditor";
}
