// The second factor: an authenticator's secret, set up by a QR code, confirmed by a code, and turned off.
import { useSignal } from "@preact/signals";
import { useDeed, useSubmission } from "../../account/submission.ts";
import { call, person } from "../../net/session.ts";
import type { AccountShown, Confirmation, RecoveryCodes, Setup } from "../../net/v1.ts";
import { Confirmed } from "../../parts/confirmed.tsx";
import { Copy } from "../../parts/keep.tsx";
import { Field, Notice, Wrong } from "../../parts/parts.tsx";
import { Qr } from "./qr.tsx";
import { Recovery } from "./recovery.tsx";

const FEW_CODES = 3;

export function SecondFactor({ account, changed }: { account: AccountShown; changed: () => void }) {
  const setup = useSignal<Setup | null>(null);
  const codes = useSignal<readonly string[] | null>(null);
  const deed = useDeed();
  const begin = () =>
    deed.run(async () => {
      setup.value = await call<Setup>("/v1/auth/mfa", { method: "POST" });
    });
  if (codes.value !== null) {
    return (
      <Recovery
        codes={codes.value}
        kept={() => {
          codes.value = null;
        }}
      />
    );
  }
  if (setup.value !== null) {
    return (
      <Confirm
        setup={setup.value}
        leave={() => {
          setup.value = null;
        }}
        confirmed={(its) => {
          setup.value = null;
          codes.value = its;
          changed();
        }}
      />
    );
  }
  return (
    <div class="form">
      {account.has_second_factor ? (
        <p data-testid="mfa-state">
          On: logging in, and what can't be taken back, asks for a code. {account.recovery_codes_left} recovery codes
          are left.
        </p>
      ) : (
        <p data-testid="mfa-state">Off: whoever knows your password is you. An authenticator's code protects you.</p>
      )}
      {account.has_second_factor && account.recovery_codes_left <= FEW_CODES && (
        <Notice>Few recovery codes are left: set it up anew, and you get ten.</Notice>
      )}
      <Wrong text={deed.problem} />
      <div class="buttons">
        <button type="button" class="button" disabled={deed.isBusy} data-testid="mfa-begin" onClick={begin}>
          {account.has_second_factor ? "Set it up anew" : "Set it up"}
        </button>
        {account.has_second_factor && (
          <Confirmed
            label="Turn it off"
            isBusy={deed.isBusy}
            act={() =>
              deed.run(async () => {
                await call("/v1/auth/mfa", { method: "DELETE" });
                changed();
              })
            }
          >
            <p>Your password alone will be enough to log in and to pay out. The recovery codes are void then.</p>
          </Confirmed>
        )}
      </div>
    </div>
  );
}

interface ConfirmProps {
  setup: Setup;
  leave: () => void;
  confirmed: (codes: readonly string[]) => void;
}

/** Nothing changes before the authenticator has shown a right code. */
function Confirm({ setup, leave, confirmed }: ConfirmProps) {
  const form = useSubmission(["code"], async (text) => {
    const body: Confirmation = { setup: setup.setup, code: text("code").replace(/\s/g, "") };
    confirmed((await call<RecoveryCodes>("/v1/auth/mfa/confirm", { method: "POST", body })).recovery_codes);
  });
  return (
    <form class="form" onSubmit={form.submit}>
      <p>Have your authenticator read this, or type the secret into it:</p>
      <Qr text={setup.uri} name={`QR code of the secret for ${person.value?.name}`} />
      <div class="secret">
        <code data-testid="mfa-secret">{setup.secret.match(/.{1,4}/g)?.join(" ")}</code>
        <Copy text={setup.secret} name="the secret" />
      </div>
      <Field
        label="The code that it shows now"
        name="code"
        inputMode="numeric"
        autocomplete="one-time-code"
        required
        maxLength={16}
        wrong={form.wrong.code}
        testid="mfa-code"
      />
      <Wrong text={form.rest} />
      <div class="buttons">
        <button type="submit" class="button first" disabled={form.isBusy} data-testid="mfa-confirm">
          Turn it on
        </button>
        <button type="button" class="button" onClick={leave}>
          Leave it
        </button>
      </div>
    </form>
  );
}
