// Registering, where the venue lets people.
import { register } from "../net/session.ts";
import { Wrong } from "../parts/parts.tsx";
import { NameField } from "./name_field.tsx";
import { NewPassword } from "./new_password.tsx";
import { useSubmission } from "./submission.ts";

export interface Newcomer {
  name: string;
  password: string;
  /** Whether an operator has to let the account trade first. */
  waits: boolean;
}

export function Register(props: { isByApproval: boolean; registered: (newcomer: Newcomer) => Promise<void> }) {
  const form = useSubmission(["name", "password"], async (text) => {
    const [name, password] = [text("name"), text("password")];
    await props.registered({ name, password, waits: (await register(name, password)) === "approval" });
  });
  return (
    <form class="form" onSubmit={form.submit}>
      {props.isByApproval && <p class="quiet">An operator of this venue lets new accounts trade.</p>}
      <NameField
        label="Name: letters, digits, dots, dashes, underscores"
        pattern="[A-Za-z0-9_.\-]+"
        title="Only letters from A to Z, digits, dots, dashes and underscores"
        testid="login-name"
        wrong={form.wrong.name}
      />
      <NewPassword
        label="Password: 8 characters or more, not easy to guess"
        testid="login-password"
        wrong={form.wrong.password}
      />
      <Wrong text={form.rest} />
      <button type="submit" class="button first" disabled={form.isBusy} data-testid="login-submit">
        {props.isByApproval ? "Register" : "Register and log in"}
      </button>
    </form>
  );
}
