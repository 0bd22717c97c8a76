// One's own kill switch: it can be put on here, and only an operator takes it off. So the name is to be typed.
import { useSignal } from "@preact/signals";
import { told } from "../../net/http.ts";
import { call, person } from "../../net/session.ts";
import type { Blocked } from "../../net/v1.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Field, Notice } from "../../parts/parts.tsx";
import { cancelledText } from "../../trade/outcome.ts";

export function KillSwitch() {
  const isOpen = useSignal(false);
  return (
    <>
      <button
        type="button"
        class="button plain"
        onClick={() => {
          isOpen.value = true;
        }}
      >
        Kill switch …
      </button>
      {isOpen.value && (
        <KillDialog
          leave={() => {
            isOpen.value = false;
          }}
        />
      )}
    </>
  );
}

function KillDialog({ leave }: { leave: () => void }) {
  const name = person.value?.name ?? "";
  const typed = useSignal("");
  const said = useSignal<{ text: string; isBad: boolean } | null>(null);
  const isBusy = useSignal(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy.value || typed.value !== name) return;
    isBusy.value = true;
    try {
      const { cancelled } = await call<Blocked>("/v1/kill-switch", { method: "POST" });
      said.value = { text: `It is on. ${cancelledText(cancelled)} Ask an operator to take it off.`, isBad: false };
    } catch (error) {
      said.value = { text: told(error), isBad: true };
    }
    isBusy.value = false;
  };
  return (
    <Dialog title="Kill switch" leave={leave}>
      <form class="form" onSubmit={submit}>
        <p>
          All your open orders, in every market and from every program of yours, are cancelled, and the venue takes no
          more of your orders until an operator lets your account trade again.
        </p>
        <Field
          label={`Type ${name} to put it on`}
          autocomplete="off"
          spellcheck={false}
          autofocus
          testid="kill-name"
          value={typed.value}
          onInput={(event) => {
            typed.value = event.currentTarget.value;
          }}
        />
        {said.value !== null && <Notice isBad={said.value.isBad}>{said.value.text}</Notice>}
        <button
          type="submit"
          class="button first"
          disabled={isBusy.value || typed.value !== name}
          data-testid="kill-submit"
        >
          Stop all my trading
        </button>
      </form>
    </Dialog>
  );
}
