// A password that is lost: a recovery code gives another one, or a code that two operators have agreed on.
import { useSignal } from "@preact/signals";
import { ask } from "../net/http.ts";
import { Choices, Field, Wrong } from "../parts/parts.tsx";
import { NameField } from "./name_field.tsx";
import { NewPassword } from "./new_password.tsx";
import { useSubmission } from "./submission.ts";

const CODES = ["A recovery code", "A code from operators"] as const;

export function LostPassword({ name, done }: { name: string; done: (name: string) => void }) {
  const kind = useSignal<(typeof CODES)[number]>(CODES[0]);
  const isOwn = kind.value === CODES[0];
  const form = useSubmission(["name", "password"], async (text) => {
    const code = text("code");
    const body = { name: text("name"), password: text("password"), ...(isOwn ? { recovery_code: code } : { code }) };
    await ask(isOwn ? "/v1/auth/reset" : "/v1/auth/reset-by-code", { method: "POST", body });
    done(text("name"));
  });
  return (
    <form class="form" onSubmit={form.submit}>
      <Choices
        label="What you have"
        of={CODES}
        chosen={kind.value}
        choose={(one) => {
          kind.value = one;
        }}
      />
      <p class="quiet">
        {isOwn
          ? "One of the ten codes that you were shown when you set up your authenticator. It is used up."
          : "Without recovery codes, ask the venue's operators: two of them agree on a code for you, good for a day."}
      </p>
      <NameField defaultValue={name} wrong={form.wrong.name} testid="reset-name" />
      <Field
        label="Code"
        name="code"
        autocomplete="off"
        required
        maxLength={64}
        spellcheck={false}
        testid="reset-code"
      />
      <NewPassword label="New password" wrong={form.wrong.password} testid="reset-password" />
      <Wrong text={form.rest} />
      <button type="submit" class="button first" disabled={form.isBusy} data-testid="reset-submit">
        Set it
      </button>
    </form>
  );
}
