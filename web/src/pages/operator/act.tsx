// A button that has an operator's command carried out: it asks what is needed, and shows what came of it.
import { signal, useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { Problem, told } from "../../net/http.ts";
import { call, person } from "../../net/session.ts";
import { Field, Lines, Select } from "../../parts/parts.tsx";
import { isUnknown, newId } from "../../trade/intent.ts";
import { changes, PATIENCE_MS } from "./asked.ts";
import {
  asked,
  type Command,
  confirmed,
  type Entry,
  type Outcome,
  outcomeOf,
  requestOf,
  type Values,
  valuesOf,
  type Wrongs,
} from "./command.ts";
import { CommandForm, TYPED } from "./command_form.tsx";

const OPERATORS: ReadonlySet<string> = new Set(["operator", "admin"]);

/** What the last command came to. */
export const last = signal<(Outcome & { title: string }) | null>(null);

/** Whether who is logged in may change anything. The venue decides: this is what is shown. */
export function mayChange(): boolean {
  return OPERATORS.has(person.value?.role ?? "");
}

export interface ActProps {
  command: Command;
  /** The word on the button. */
  children: string;
  testid?: string;
  /** Why it can't be done by who is logged in; said beside the button. */
  why?: string | null;
}

export function Act({ command, children, testid, why = null }: ActProps) {
  const open = useSignal<Command | null>(null);
  const id = useId();
  if (!mayChange()) return null;
  const reason = why ?? (command.forAdmins && person.value?.role !== "admin" ? "An admin does this." : null);
  return (
    <span class="act">
      <button
        type="button"
        class="button"
        aria-label={nameOf(children, command.title)}
        aria-describedby={reason === null ? undefined : id}
        disabled={reason !== null}
        data-testid={testid}
        onClick={() => {
          open.value = command;
        }}
      >
        {children}
      </button>
      {reason !== null && (
        <span class="quiet" id={id}>
          {reason}
        </span>
      )}
      {open.value !== null && (
        <Ask
          command={open.value}
          leave={() => {
            open.value = null;
          }}
        />
      )}
    </span>
  );
}

/** What a button is called where its row is not seen: its word, and what it is about. */
function nameOf(word: string, title: string): string {
  return title.toLowerCase().includes(word.toLowerCase()) ? title : `${word}: ${title}`;
}

const MAY_BE_DONE = "It may have been carried out.";

function Ask({ command, leave }: { command: Command; leave: () => void }) {
  const isSending = useRef(false);
  const id = useRef(newId());
  const sent = useRef<Values | null>(null); // what may have been carried out, under that id
  const isBusy = useSignal(false);
  const wrong = useSignal<Wrongs>({});
  const rest = useSignal<string | null>(null);
  const entries = command.entries ?? [];
  const done = (outcome: Outcome) => {
    last.value = { ...outcome, title: command.title };
    changes.value += 1;
    leave();
  };
  const failed = (error: unknown, values: Values) => {
    const wasSent = sent.current !== null;
    if (!(error instanceof Problem) || isUnknown(error)) {
      const text = told(error);
      if (command.isOnce) sent.current = values;
      rest.value = command.isOnce
        ? `${text} ${MAY_BE_DONE} Send it again: it is carried out once.`
        : `${text} ${MAY_BE_DONE} Look before you send it again.`;
      return;
    }
    if (error.code === "DUPLICATE_CLIENT_ID" && wasSent) {
      done({ text: "It had reached the venue before. Look what is so now.", seq: null });
      return;
    }
    if (!wasSent) id.current = newId(); // one that was refused is used up; one that may have been carried out stays
    const field = error.field;
    if (field !== undefined && entries.some((each) => each.name === field)) wrong.value = { [field]: error.message };
    else rest.value = error.code === "PROOF_NEEDED" ? "Nothing was sent: prove first that it is you." : error.message;
  };
  const go = async (form: FormData) => {
    if (isSending.current) return; // a double click
    const text = (name: string) => String(form.get(name) ?? "");
    const read = sent.current === null ? valuesOf(entries, text) : { values: sent.current, wrong: {} };
    const typed = sent.current === null ? confirmed(command, read.values, text(TYPED)) : null;
    wrong.value = typed === null ? read.wrong : { ...read.wrong, [TYPED]: typed };
    rest.value = null;
    if (Object.keys(wrong.value).length > 0) return;
    isSending.current = true;
    isBusy.value = true;
    const { path, method, body } = requestOf(command, read.values, id.current);
    try {
      done(outcomeOf(await call(path, { method, body, patienceMs: PATIENCE_MS })));
    } catch (error) {
      failed(error, read.values);
    }
    isSending.current = false;
    isBusy.value = false;
  };
  return (
    <CommandForm
      title={command.title}
      says={command.says}
      verb={command.verb}
      typed={asked(command) ?? undefined}
      typedWrong={wrong.value[TYPED]}
      wrong={rest.value}
      isBusy={isBusy.value}
      isFixed={sent.current !== null}
      go={(form) => void go(form)}
      leave={leave}
    >
      {entries.map((entry, i) => (
        <Asked key={entry.name} entry={entry} wrong={wrong.value[entry.name]} isFirst={i === 0} />
      ))}
    </CommandForm>
  );
}

function Asked({ entry, wrong, isFirst }: { entry: Entry; wrong: string | undefined; isFirst: boolean }) {
  const { name, label, kind, of, value } = entry;
  const same = { name, label, wrong, testid: `field-${name}`, autofocus: isFirst };
  if (kind === "choice") return <Select {...same} of={of ?? {}} chosen={value} />;
  if (kind === "plan") return <Lines {...same} rows={6} spellcheck={false} defaultValue={value} maxLength={4096} />;
  if (kind === "check") {
    return (
      <label class="check">
        <input type="checkbox" name={name} data-testid={same.testid} autofocus={isFirst} /> {label}
      </label>
    );
  }
  const typed = { autocapitalize: "off", spellcheck: false, defaultValue: value } as const;
  if (kind === "password") {
    return <Field {...same} {...typed} type="password" autocomplete="new-password" maxLength={1024} />;
  }
  return <Field {...same} {...typed} autocomplete="off" maxLength={100} />;
}
