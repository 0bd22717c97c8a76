// A password that is being chosen: it can be looked at, since nobody types it twice.
import { useSignal } from "@preact/signals";
import { Field } from "../parts/parts.tsx";

export function NewPassword({ label, wrong, testid }: { label: string; wrong?: string | undefined; testid: string }) {
  const isShown = useSignal(false);
  return (
    <>
      <Field
        label={label}
        name="password"
        type={(isShown.value ? "text" : "password") as "password"} // its types know no input whose type changes
        autocomplete="new-password"
        required
        minLength={8}
        maxLength={128}
        spellcheck={false}
        autocapitalize="off"
        wrong={wrong}
        testid={testid}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={isShown.value}
          onChange={(event) => {
            isShown.value = event.currentTarget.checked;
          }}
        />
        Show it
      </label>
    </>
  );
}
