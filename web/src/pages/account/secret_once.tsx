// A key that was just made: its secret, shown this once, and how programs use it.
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Made } from "../../net/v1.ts";
import { Copy } from "../../parts/keep.tsx";
import { Choices } from "../../parts/parts.tsx";
import { CLIENTS, type Client, PRIVATE_KEY, snippet } from "./snippets.ts";

export function SecretOnce({ made, kept }: { made: Made; kept: () => void }) {
  const client = useSignal<Client>("ccxt");
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), [made]);
  const secret = made.secret === "" ? null : made.secret;
  const ws = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}`;
  const lines = snippet(client.value, { http: location.origin, ws, key: made.key.name, secret });
  return (
    <div class="form once">
      <h3 ref={heading} tabIndex={-1}>
        {secret === null ? "Your key is made" : "Your key is made. Keep its secret: it is shown only now"}
      </h3>
      <dl class="pairs">
        <dt>Key</dt>
        <dd>
          <code data-testid="key-name">{made.key.name}</code> <Copy text={made.key.name} name="the key" />
        </dd>
        {secret !== null && (
          <>
            <dt>Secret</dt>
            <dd>
              <code data-testid="key-secret">{secret}</code> <Copy text={secret} name="the secret" />
            </dd>
          </>
        )}
      </dl>
      <Choices
        label="Client"
        of={CLIENTS}
        chosen={client.value}
        choose={(one) => {
          client.value = one;
        }}
      />
      {secret === null && (
        <p class="quiet">{PRIVATE_KEY} is the private key that belongs to it, which only you have.</p>
      )}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: who has no mouse scrolls it by keys */}
      <section class="lines" tabIndex={0} aria-label={`For ${client.value}`}>
        <pre data-testid="snippet">{lines}</pre>
      </section>
      <div class="buttons">
        <Copy text={lines} name={`the lines for ${client.value}`} />
        <button type="button" class="button first" data-testid="key-kept" onClick={kept}>
          I have kept it
        </button>
      </div>
    </div>
  );
}
