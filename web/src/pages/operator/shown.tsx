// Small things that all sections show alike.

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
