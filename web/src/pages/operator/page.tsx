// The venue as its operators and auditors see it: sections, each with an address of its own.
import type { ComponentType } from "preact";
import { useEffect } from "preact/hooks";
import { Private } from "../../account/private.tsx";
import { useProfile } from "../../account/profile.ts";
import { person } from "../../net/session.ts";
import { Notice } from "../../parts/parts.tsx";
import { decoded, path } from "../../router.ts";
import { Accounts } from "./accounts.tsx";
import { last, mayChange } from "./act.tsx";
import { Audit } from "./audit.tsx";
import { Commands } from "./commands.tsx";
import { Instruments } from "./instruments.tsx";
import { LookBack } from "./look_back.tsx";
import { Money } from "./money.tsx";
import { Proposals } from "./proposals.tsx";
import { Status } from "./status.tsx";
import { Trades } from "./trades.tsx";
import "./operator.css";

/** A section may show one thing alone, named by what follows in the address. */
interface Section {
  name: string;
  Shown: ComponentType<{ of: string | null }>;
}

const FIRST = "instruments";
const SECTIONS: Readonly<Record<string, Section>> = {
  [FIRST]: { name: "Instruments", Shown: Instruments },
  accounts: { name: "Accounts", Shown: Accounts },
  money: { name: "Money", Shown: Money },
  trades: { name: "Trades", Shown: Trades },
  proposals: { name: "Proposals", Shown: Proposals },
  commands: { name: "Commands", Shown: Commands },
  status: { name: "Status", Shown: Status },
  audit: { name: "Audit", Shown: Audit },
  "look-back": { name: "Look back", Shown: LookBack },
};

export function Place() {
  return (
    <Private forOperators>
      <Sections key={person.value?.account} />
    </Private>
  );
}

/** They are one person's: a command that another has half given, under an id of his, is gone when he is. */
function Sections() {
  useProfile();
  const [, , wanted, of] = path.value.split("/");
  const chosen = wanted || FIRST;
  const section = SECTIONS[chosen];
  useEffect(() => {
    document.title = `${section?.name ?? "Operate"} · Lockstep`;
  }, [section]);
  useEffect(
    () => () => {
      last.value = null; // who comes next is not told
    },
    [],
  );
  return (
    <div class="place operator">
      <h1>Operate</h1>
      <nav class="sections" aria-label="Operate">
        {Object.entries(SECTIONS).map(([key, { name }]) => (
          <a
            key={key}
            href={`/operator/${key}`}
            aria-current={key === chosen ? "page" : undefined}
            data-testid={`section-${key}`}
          >
            {name}
          </a>
        ))}
      </nav>
      {!mayChange() && <Notice>You are an auditor: you may look at everything here, and change nothing.</Notice>}
      <Last />
      {section === undefined ? (
        <Notice isBad>There is no such section.</Notice>
      ) : (
        <section.Shown key={`${chosen}/${of ?? ""}`} of={of ? decoded(of) : null} />
      )}
    </div>
  );
}

/** What the last command came to. */
function Last() {
  const said = last.value;
  return (
    <div class={said === null ? "" : "notice came-of-it"} role="status" data-testid="operate-result">
      {said !== null && (
        <>
          <span>
            <bdi>{said.title}</bdi>: {said.text}{" "}
            {said.code !== undefined && (
              <>
                Its owner needs this code, which is shown only now: <code data-testid="reset-code">{said.code}</code>
              </>
            )}
            {said.seq !== null && <a href={`/operator/look-back?seq=${said.seq}`}>Record {said.seq}</a>}
          </span>
          <button
            type="button"
            class="button plain"
            onClick={() => {
              last.value = null;
            }}
          >
            Dismiss
          </button>
        </>
      )}
    </div>
  );
}
