// Logging in and registering, and proving again who one is where the venue asks for that.
import { signal, useSignal } from "@preact/signals";
import { NoAnswer, Problem } from "../net/http.ts";
import { logIn, person, proofWanted, register, state, stepUp } from "../net/session.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Field, Notice } from "../parts/parts.tsx";

/** Whether the dialog is open because somebody asked for it. */
export const isWanted = signal(false);

/** What went wrong, for people. Anything else is a bug, and thrown. */
export function told(error: unknown): string {
  if (error instanceof Problem || error instanceof NoAnswer) return error.message;
  throw error;
}

/** The dialogs that may stand before whatever is shown. */
export function Dialogs() {
  if (proofWanted.value !== null) return <StepUp done={proofWanted.value.done} />;
  if (isWanted.value || state.value === "ended") return <Login />;
  return null;
}

function Login() {
  const isNew = useSignal(false);
  const isBusy = useSignal(false);
  const wrong = useSignal<string | null>(null);
  const hasEnded = state.value === "ended";
  const leave = () => {
    isWanted.value = false;
    if (hasEnded) {
      person.value = null;
      state.value = "nobody";
    }
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const text = (name: string) => String(form.get(name) ?? "");
    isBusy.value = true;
    wrong.value = null;
    try {
      if (isNew.value) await register(text("name"), text("password"));
      await logIn(text("name"), text("password"), text("code"));
      isWanted.value = false;
    } catch (error) {
      wrong.value = told(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <Dialog title={isNew.value ? "Register" : "Log in"} leave={leave}>
      {hasEnded && <Notice>Your session has ended. What you had begun to fill in is still here.</Notice>}
      <form class="form" onSubmit={submit}>
        <Field
          label="Name"
          name="name"
          autocomplete="username"
          required
          autofocus
          maxLength={36}
          spellcheck={false}
          autocapitalize="off"
          testid="login-name"
          defaultValue={person.value?.name}
        />
        <Field
          label="Password"
          name="password"
          type="password"
          autocomplete={isNew.value ? "new-password" : "current-password"}
          required
          maxLength={1024}
          testid="login-password"
        />
        {!isNew.value && (
          <Field
            label="Code of your authenticator, if you have one"
            name="code"
            autocomplete="one-time-code"
            maxLength={64}
            testid="login-code"
          />
        )}
        {wrong.value !== null && <Notice isBad>{wrong.value}</Notice>}
        <button type="submit" class="button first" disabled={isBusy.value} data-testid="login-submit">
          {isNew.value ? "Register and log in" : "Log in"}
        </button>
        <button
          type="button"
          class="button plain"
          onClick={() => {
            isNew.value = !isNew.value;
          }}
        >
          {isNew.value ? "I have an account" : "I am new here"}
        </button>
      </form>
    </Dialog>
  );
}

function StepUp({ done }: { done: (isProved: boolean) => void }) {
  const isBusy = useSignal(false);
  const wrong = useSignal<string | null>(null);
  const submit = async (event: Event) => {
    event.preventDefault();
    const secret = String(new FormData(event.currentTarget as HTMLFormElement).get("secret") ?? "");
    isBusy.value = true;
    wrong.value = null;
    try {
      // With a second factor its code counts, without one the password: the venue looks at what it needs.
      await stepUp({ password: secret, code: secret.slice(0, 64) });
      done(true);
    } catch (error) {
      wrong.value = told(error);
    } finally {
      isBusy.value = false;
    }
  };
  return (
    <Dialog title="Prove that it is you" leave={() => done(false)}>
      <form class="form" onSubmit={submit}>
        <p class="quiet">This can't be taken back by whoever finds your browser open. It counts for five minutes.</p>
        <Field
          label="A fresh code of your authenticator; without one, your password"
          name="secret"
          type="password"
          autocomplete="off"
          required
          autofocus
          maxLength={1024}
          testid="stepup-secret"
        />
        {wrong.value !== null && <Notice isBad>{wrong.value}</Notice>}
        <button type="submit" class="button first" disabled={isBusy.value} data-testid="stepup-submit">
          Prove it
        </button>
      </form>
    </Dialog>
  );
}
