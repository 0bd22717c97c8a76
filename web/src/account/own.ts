// What is one's own, live: open orders, fills, balances, as /v1/stream tells them. A line that was lost goes on behind the
// last position that was told; where the venue no longer has that, all begins anew.
import { signal } from "@preact/signals";
import { onFrame } from "../frame.ts";
import type { BalanceShown, FillShown, OrderShown } from "../net/v1.ts";
import { parse } from "../number/decimal.ts";
import type { Free } from "../trade/ticket.ts";

/** A message of /v1/stream, as far as it is read here. */
export interface Told {
  channel: string;
  position?: string;
  event?: string;
  image?: unknown;
  is_last?: boolean;
  order?: OrderShown | null;
  fill?: FillShown;
  balance?: BalanceShown;
  role?: string;
  code?: string;
}

const OPEN = new Set(["new", "partially_filled"]);
const MOST_FILLS = 1000;

/** The state that the messages come to. It knows no socket. */
export class Own {
  readonly open = new Map<number, OrderShown>();
  readonly balances = new Map<string, BalanceShown>();
  fills: FillShown[] = [];
  /** Where the stream is to go on; null: nothing was told yet. */
  position: string | null = null;
  /** Whether open orders and balances are all here. */
  readonly isWhole = signal(false);
  readonly changed = signal(0);
  /** How often withdrawals were told of, and how often the account itself: who shows these asks for them again. */
  readonly withdrawals = signal(0);
  readonly account = signal(0);
  private readonly fillKeys = new Set<string>();
  private arriving: OrderShown[] = [];

  /** Nothing is known: another person, or a stream that begins anew. */
  reset(): void {
    this.open.clear();
    this.balances.clear();
    this.fills = [];
    this.fillKeys.clear();
    this.position = null;
    this.arriving = [];
    this.isWhole.value = false;
    this.draw();
  }

  take(told: Told): void {
    if (told.position !== undefined) this.position = told.position;
    if (told.image !== undefined) this.image(told);
    else if (told.channel === "orders") this.order(told);
    else if (told.channel === "withdrawals") this.withdrawals.value++;
    else if (told.channel === "account") this.account.value++;
    else if (told.channel === "balances" && told.balance) this.balances.set(told.balance.asset, told.balance);
    else return;
    this.draw();
  }

  /** Fills of before. */
  merge(fills: readonly FillShown[]): void {
    for (const fill of fills) this.addFill(fill);
    this.fills.sort((a, b) => b.time - a.time || b.trade_id - a.trade_id);
    this.draw();
  }

  /** What is free of an asset; null where that is not known. */
  free(asset: string): Free | null {
    if (!this.isWhole.value) return null;
    const text = this.balances.get(asset)?.free ?? "0";
    const scale = text.includes(".") ? text.length - text.indexOf(".") - 1 : 0;
    return { units: parse(text, scale), scale };
  }

  private image(told: Told): void {
    if (told.channel === "orders") {
      this.arriving.push(...(told.image as OrderShown[]));
      if (!told.is_last) return;
      this.open.clear();
      for (const order of this.arriving) this.open.set(order.order_id, order);
      this.arriving = [];
    } else if (told.channel === "balances") {
      this.balances.clear();
      for (const balance of told.image as BalanceShown[]) this.balances.set(balance.asset, balance);
      this.isWhole.value = true; // it is the last image that is asked for
    }
  }

  private order({ order, fill, event }: Told): void {
    if (fill !== undefined && event === "trade") this.addFill(fill);
    if (!order || event === "rejected") return;
    if (OPEN.has(order.status)) this.open.set(order.order_id, order);
    else this.open.delete(order.order_id);
  }

  private addFill(fill: FillShown): void {
    const key = `${fill.seq}/${fill.trade_id}/${fill.order_id}`;
    if (this.fillKeys.has(key)) return;
    this.fillKeys.add(key);
    this.fills.unshift(fill);
    if (this.fills.length > MOST_FILLS) {
      const last = this.fills.pop() as FillShown;
      this.fillKeys.delete(`${last.seq}/${last.trade_id}/${last.order_id}`);
    }
  }

  private readonly bump = (): void => {
    this.changed.value = this.changed.peek() + 1;
  };

  private draw(): void {
    onFrame(this.bump);
  }
}
