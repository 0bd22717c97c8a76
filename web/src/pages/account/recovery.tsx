// Recovery codes, shown this once: each logs in once without the authenticator, or gives another password.
import { useEffect, useRef } from "preact/hooks";
import { person } from "../../net/session.ts";
import { Copy, save } from "../../parts/keep.tsx";

export function Recovery({ codes, kept }: { codes: readonly string[]; kept: () => void }) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const file = `Recovery codes of ${person.value?.name} at ${location.host}. Each is good once.\n\n${codes.join("\n")}\n`;
  return (
    <div class="form">
      <h3 ref={heading} tabIndex={-1}>
        Your authenticator is set up. Keep these codes: they are shown only now
      </h3>
      <p>Without your authenticator, each logs you in once, or gives you a new password.</p>
      <ol class="codes" data-testid="recovery-codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ol>
      <div class="buttons">
        <Copy text={codes.join("\n")} name="the recovery codes" />
        <button type="button" class="button" onClick={() => save("recovery-codes.txt", file)}>
          Keep as a file
        </button>
        <button type="button" class="button first" data-testid="recovery-kept" onClick={kept}>
          I have kept them
        </button>
      </div>
    </div>
  );
}
