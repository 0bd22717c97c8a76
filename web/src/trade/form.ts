// What is filled into a ticket. It outlives a session that ends: who logs in again finds it as it was.
import { signal } from "@preact/signals";
import type { Kind, Leg } from "./list.ts";
import { type Draft, EMPTY } from "./ticket.ts";

export class Form {
  readonly kind = signal<Kind>("one");
  readonly first = signal<Leg>({ draft: EMPTY, side: "buy" });
  readonly second = signal<Leg>({ draft: { ...EMPTY, type: "stop" }, side: "sell" });

  /** Change the first order's fields. */
  set(change: Partial<Draft>): void {
    const { draft, side } = this.first.value;
    this.first.value = { draft: { ...draft, ...change }, side };
  }
}
