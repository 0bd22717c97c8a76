// Where a refusal belongs in a ticket, and how it is put to a person.
import type { Problem } from "../net/http.ts";
import { PLACES, type Place } from "./ticket.ts";

/** The venue's names of fields that have another one here. */
const FIELDS: Readonly<Record<string, Place>> = { stop_price: "stop", time_in_force: "time", post_only: "time" };
/** Which field a refusal is about that names none: who decides behind the forms knows numbers, no fields. */
const ABOUT: Readonly<Record<string, Place>> = {
  INSUFFICIENT_BALANCE: "quantity",
  POSITION_LIMIT: "quantity",
  QUANTITY_TOO_LARGE: "quantity",
  QUANTITY_BELOW_FILLED: "quantity",
  VALUE_TOO_LARGE: "quantity",
  NOTIONAL_OVERFLOW: "quantity",
  DISPLAY_TOO_LARGE: "display",
  PRICE_OUTSIDE_BAND: "price",
  WOULD_TAKE: "price",
  NO_REFERENCE_PRICE: "type",
  TOO_MANY_TRAILING: "type",
  NOT_IN_THIS_PHASE: "time",
  EXPIRE_TIME_PASSED: "expires",
};

/** The order of a list that it is about, from 0, where it says so, and the field. */
export function placeOf({ field, code }: Problem): { leg: number; place: Place | undefined } {
  const [, leg, name] = /^(?:orders\[(\d)\]\.)?(.*)$/.exec(field ?? "") ?? [];
  const place = FIELDS[name ?? ""] ?? PLACES.find((each) => each === name) ?? ABOUT[code];
  return { leg: Number(leg ?? 0), place };
}

/** `CODE: what is wrong; what to do`, as sentences. A new client order id is what each click has. */
export function spoken(message: string): string {
  const [what, ...rest] = message
    .replace(/^[A-Z_]+: /, "")
    .replace(", under a new client order id", "")
    .split("; ");
  return [what ?? "", ...rest]
    .map((part) => `${part.charAt(0).toUpperCase()}${part.slice(1)}`.replace(/\.?$/, "."))
    .join(" ");
}
