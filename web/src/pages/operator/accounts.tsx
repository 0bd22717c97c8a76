// Accounts: who there is, who has registered and waits, whose passwords are reset; one of them in full.
import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { moment } from "../../account/moments.ts";
import { usePaged } from "../../net/paged.ts";
import type { AccountShown, RegistrationShown, ResetShown, Waiting } from "../../net/v1.ts";
import { Fact, Field, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { go } from "../../router.ts";
import { OneAccount } from "./account.tsx";
import * as commands from "./account_commands.ts";
import { Act } from "./act.tsx";
import { changes, useAsked } from "./asked.ts";
import { form } from "./form.ts";
import { Dismiss, ownProposal } from "./proposals.tsx";
import { Account } from "./shown.tsx";

const PAGE = 1000;
const MOST = 100_000; // of the list; one that is beyond is found by its whole name

export function Accounts({ of }: { of: string | null }) {
  if (of !== null) return <OneAccount name={of} />;
  return (
    <>
      <All />
      <Registrations />
      <Resets />
    </>
  );
}

function place(last: AccountShown | undefined): string {
  return `/v1/operator/accounts?after=${last?.account ?? 0}&limit=${PAGE}`;
}

function All() {
  const { rows, wrong, more } = usePaged(place, PAGE, MOST, changes.value);
  const typed = useSignal("");
  const part = typed.value.trim().toLowerCase();
  const found = (rows ?? []).filter((each) => each.name.toLowerCase().includes(part));
  useEffect(() => {
    if (rows !== null && found.length === 0) more?.(); // the table asks for more where it has some
  });
  return (
    <Panel
      title="Accounts"
      aside={
        <Act command={commands.DEFINE} testid="define-account">
          Define an account
        </Act>
      }
    >
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.value.trim() !== "") go(`/operator/accounts/${encodeURIComponent(typed.value.trim())}`);
        }}
      >
        <Field
          label="Part of a name; Enter opens the account that is called so"
          testid="account-search"
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          maxLength={36}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
        />
      </form>
      <Wrong text={wrong} />
      <div class="tall">
        <Table
          label="Accounts"
          testid="accounts"
          columns={[
            { name: "Name", shown: (row) => <Account name={row.name} /> },
            { name: "Number", shown: (row) => row.account },
            { name: "Role", shown: (row) => row.role },
            { name: "Second factor", shown: (row) => (row.has_second_factor ? "yes" : "no") },
          ]}
          rows={found}
          keyOf={(row) => row.account}
          empty={rows === null || more !== null ? "Asking the venue …" : "No name has this in it."}
          more={more}
        />
      </div>
    </Panel>
  );
}

function Registrations() {
  const waiting = useAsked<Waiting[]>("/v1/operator/registrations");
  const now = useAsked<RegistrationShown>("/v1/operator/registration");
  const welcome = Object.entries(now.found?.welcome ?? {});
  return (
    <Panel
      title="Registration"
      aside={
        <>
          <Act
            command={form("SetRegistration", {}, { now: { mode: now.found?.mode ?? "closed" } })}
            testid="registration-mode"
          >
            Change
          </Act>
          <Act command={form("SetWelcome")}>Welcome</Act>
        </>
      }
    >
      <Wrong text={now.wrong ?? waiting.wrong} />
      <dl class="facts">
        <Fact name="Who may register" testid="registration">
          {now.found?.mode ?? "…"}
        </Fact>
        <Fact name="Who registers is given">
          {welcome.length === 0 ? "nothing" : welcome.map(([asset, amount]) => `${amount} ${asset}`).join(", ")}
        </Fact>
      </dl>
      <Table
        label="Pending registrations"
        columns={[
          { name: "Name", shown: (row) => <Account name={row.name} /> },
          { name: "Registered", shown: (row) => moment(row.registered) },
          {
            name: "Actions",
            isNameHidden: true,
            shown: (row) => <Act command={form("LetTrade", { account: row.name })}>Let trade</Act>,
          },
        ]}
        rows={waiting.found ?? []}
        keyOf={(row) => row.account}
        empty="Nobody waits to be let trade."
      />
    </Panel>
  );
}

function Resets() {
  const { found, wrong } = useAsked<ResetShown[]>("/v1/operator/password-resets");
  return (
    <Panel title="New passwords by code">
      <Wrong text={wrong} />
      <Table
        label="New passwords by code"
        testid="resets"
        columns={[
          { name: "Account", shown: (row) => <Account name={row.account} /> },
          { name: "Proposed by", shown: (row) => <Account name={row.proposed_by} /> },
          { name: "Second factor goes", shown: (row) => (row.takes_factor ? "yes" : "no") },
          { name: "Until", shown: (row) => moment(row.until) },
          {
            name: "State",
            shown: (row) =>
              row.is_approved ? (
                "waits for its owner"
              ) : (
                <Act
                  command={form("ApproveReset", { account: row.account, proposal: row.proposal })}
                  testid="approve-reset"
                  why={ownProposal(row.proposed_by)}
                >
                  Approve
                </Act>
              ),
          },
          {
            name: "Actions",
            isNameHidden: true,
            shown: (row) => <Dismiss proposal={row.proposal} by={row.proposed_by} />,
          },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.proposal}
        empty="None is proposed. An account's page has the button for it."
      />
    </Panel>
  );
}
