// Another password: every other session ends with it.
import { useSignal } from "@preact/signals";
import { NewPassword } from "../../account/new_password.tsx";
import { useSubmission } from "../../account/submission.ts";
import { changePassword, person } from "../../net/session.ts";
import { Field, Notice, Wrong } from "../../parts/parts.tsx";

export function Password() {
  const times = useSignal(0);
  const form = useSubmission(["current", "password"], async (text) => {
    await changePassword(text("current"), text("password"));
    times.value++;
  });
  return (
    <form class="form" key={times.value} onSubmit={form.submit}>
      <input type="text" name="name" autocomplete="username" value={person.value?.name} readOnly hidden />
      <Field
        label="Password so far"
        name="current"
        type="password"
        autocomplete="current-password"
        required
        maxLength={1024}
        wrong={form.wrong.current}
        testid="password-current"
      />
      <NewPassword label="New password" wrong={form.wrong.password} testid="password-new" />
      <Wrong text={form.rest} />
      {times.value > 0 && <Notice>Your password is new. All your other sessions have ended.</Notice>}
      <div class="buttons">
        <button type="submit" class="button first" disabled={form.isBusy}>
          Change it
        </button>
      </div>
    </form>
  );
}
