// Small things that all sections show alike.
import type { ComponentChildren } from "preact";
import { Notice } from "../../parts/parts.tsx";

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A whole number for people. */
export function count(number: number): string {
  return whole.format(number).replaceAll(",", "\u202f");
}

/** A phase or a state in words. */
export function words(name: string): string {
  return name.toLowerCase().replaceAll("_", " ");
}

/** Somebody's name, with the way to the account. */
export function Account({ name }: { name: string }) {
  return (
    <a class="cut" href={`/operator/accounts/${encodeURIComponent(name)}`}>
      <bdi>{name}</bdi>
    </a>
  );
}

/** A text of somebody else's, in a cell. */
export function Words({ text }: { text: string }) {
  return (
    <bdi class="cut" title={text}>
      {text}
    </bdi>
  );
}

export function Fact({ name, children, testid }: { name: string; children: ComponentChildren; testid?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-testid={testid}>{children}</dd>
    </div>
  );
}

/** What stands where something was asked for and is not here. */
export function Wrong({ text }: { text: string | null }) {
  return text === null ? null : <Notice isBad>{text}</Notice>;
}
