// Logging in, and the dialogs beside it: registering, a lost password, and proving again who one is.
import { signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ask, NoAnswer, Problem, told } from "../net/http.ts";
import { call, logIn, person, proofWanted, state, stepUp } from "../net/session.ts";
import type { ProfileShown, VenueShown } from "../net/v1.ts";
import { Dialog } from "../parts/dialog.tsx";
import { Field, Notice, Wrong } from "../parts/parts.tsx";
import { choose, theme } from "../theme.ts";
import { LostPassword } from "./lost_password.tsx";
import { NameField } from "./name_field.tsx";
import { Register } from "./register.tsx";
import { useSubmission } from "./submission.ts";

/** Whether the dialog is open because somebody asked for it. */
export const isWanted = signal(false);

const WAITS = "You are registered. An operator has to let you trade; until then you can log in and look around.";

type Way = "in" | "new" | "lost";

/** The dialogs that may stand before whatever is shown. */
export function Dialogs() {
  if (state.value === "ended") return <Login />;
  if (proofWanted.value !== null) return <StepUp />;
  return isWanted.value ? <Login /> : null;
}

function Login() {
  const way = useSignal<Way>("in");
  const name = useSignal(person.value?.name ?? "");
  const news = useSignal<string | null>(null);
  const mode = useSignal<string | null>(null);
  const hasEnded = state.value === "ended";
  useEffect(() => {
    ask<VenueShown>("/v1/venue").then(
      (venue) => {
        mode.value = venue.registration;
      },
      () => {
        mode.value = null; // the venue is away: whoever sends the form is told so
      },
    );
  }, [mode]);
  const leave = () => {
    isWanted.value = false;
    if (hasEnded) {
      proofWanted.value?.done(false);
      person.value = null;
      state.value = "nobody";
    }
  };
  const go = (to: Way, why: string | null = null) => {
    way.value = to;
    news.value = why;
  };
  const title = { in: "Log in", new: "Register", lost: "Set a new password" }[way.value];
  return (
    <Dialog key={way.value} title={title} leave={leave}>
      {hasEnded && <Notice>Your session has ended. What you had begun to fill in is still here.</Notice>}
      {news.value !== null && <Notice>{news.value}</Notice>}
      {way.value === "in" && <LogIn name={name.value} />}
      {way.value === "new" && (
        <Register
          isByApproval={mode.value === "approval"}
          registered={async (its) => {
            name.value = its.name;
            if (its.waits) go("in", WAITS);
            else await enter(its.name, its.password).catch((error) => go("in", `You are registered. ${told(error)}`));
          }}
        />
      )}
      {way.value === "lost" && (
        <LostPassword
          name={name.value}
          done={(its) => {
            name.value = its;
            go("in", "Your password is new, and all your sessions have ended. Log in with it.");
          }}
        />
      )}
      <div class="form ways">
        {way.value !== "in" && <Other to={() => go("in")}>I have an account</Other>}
        {way.value === "in" && (mode.value === "open" || mode.value === "approval") && (
          <Other to={() => go("new")}>I am new here</Other>
        )}
        {way.value === "in" && <Other to={() => go("lost")}>I have lost my password</Other>}
        {way.value === "in" && mode.value === "closed" && (
          <p class="quiet">New accounts are opened by this venue's operators.</p>
        )}
      </div>
    </Dialog>
  );
}

function Other({ to, children }: { to: () => void; children: string }) {
  return (
    <button type="button" class="button plain" onClick={to}>
      {children}
    </button>
  );
}

const FREE_GUESSES = 3; // after them the venue waits longer before each check

function LogIn({ name }: { name: string }) {
  const failed = useSignal(0);
  const form = useSubmission([], async (text) => {
    try {
      await enter(text("name"), text("password"), text("code"));
    } catch (error) {
      if (error instanceof Problem && error.code === "LOGIN_FAILED") failed.value++;
      throw error;
    }
  });
  return (
    <form class="form" onSubmit={form.submit}>
      <NameField testid="login-name" defaultValue={name} />
      <Field
        label="Password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        maxLength={1024}
        testid="login-password"
      />
      <Field
        label="Code of your authenticator, or a recovery code, if you have one"
        name="code"
        autocomplete="one-time-code"
        maxLength={64}
        testid="login-code"
      />
      {form.rest !== null && (
        <Notice isBad>
          {form.rest}
          {failed.value >= FREE_GUESSES &&
            " After several wrong tries each waits longer, up to 8 seconds, and one that comes sooner is refused even if it is right: wait that long."}
        </Notice>
      )}
      <button type="submit" class="button first" disabled={form.isBusy} data-testid="login-submit">
        Log in
      </button>
    </form>
  );
}

/** Log in, and have the colours that the person chose. Problem, NoAnswer. */
async function enter(name: string, password: string, code = ""): Promise<void> {
  await logIn(name, password, code);
  isWanted.value = false;
  try {
    const profile = await call<ProfileShown>("/v1/account/profile");
    if (profile.theme && profile.theme !== theme.peek()) choose(profile.theme);
  } catch (error) {
    if (!(error instanceof Problem || error instanceof NoAnswer)) throw error; // the colours stay as they are
  }
}

function StepUp() {
  const done = (isProved: boolean) => proofWanted.peek()?.done(isProved); // of what is wanted by then
  const form = useSubmission([], async (text) => {
    // With a second factor its code counts, without one the password: the venue looks at what it needs.
    await stepUp({ password: text("secret"), code: text("secret").slice(0, 64) });
    done(true);
  });
  return (
    <Dialog title="Prove that it is you" leave={() => done(false)}>
      <form class="form" onSubmit={form.submit}>
        <p class="quiet">So nobody does this who only finds your browser open. It counts for five minutes.</p>
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
        <Wrong text={form.rest} />
        <button type="submit" class="button first" disabled={form.isBusy} data-testid="stepup-submit">
          Prove it
        </button>
      </form>
    </Dialog>
  );
}
