// What is one's own, live: open orders and balances, as /v1/stream tells them. A line that was lost goes on behind the last
// position that was told; where the venue no longer has that, all begins anew.
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
  /** Why an order was cancelled. */
  reason?: string;
  /** Of a trade that was corrected: what it is now. */
  is_undone?: boolean;
  trade_id?: number;
  symbol?: string;
  side?: string;
  price?: string;
  value?: string;
  fee?: string;
}

/** Who follows what is told. */
export interface Follower {
  take(told: Told): void;
  /** Something may have been missed. */
  reset(): void;
}

const OPEN = new Set(["new", "partially_filled"]);
const MOST_REASONS = 1_000;

/** The state that the messages come to. It knows no socket. */
export class Own {
  readonly open = new Map<number, OrderShown>();
  readonly balances = new Map<string, BalanceShown>();
  /** Why orders were cancelled: the last that were told, by order id. */
  readonly reasons = new Map<number, string>();
  /** Where the stream is to go on; null: with images, as they have not all been told. */
  position: string | null = null;
  /** Whether open orders and balances are all here. */
  readonly isWhole = signal(false);
  readonly changed = signal(0);
  /** How often withdrawals were told of, and how often the account itself: who shows these asks for them again. */
  readonly withdrawals = signal(0);
  readonly account = signal(0);
  private readonly followers = new Set<Follower>();
  private arriving: OrderShown[] = [];

  /** Nothing is known: another person, or a stream that begins anew. */
  reset(): void {
    this.open.clear();
    this.balances.clear();
    this.reasons.clear();
    this.position = null;
    this.arriving = [];
    this.isWhole.value = false;
    for (const follower of this.followers) follower.reset();
    this.draw();
  }

  take(told: Told): void {
    this.note(told);
    if (this.isWhole.peek() && told.position !== undefined) this.position = told.position;
  }

  private note(told: Told): void {
    // By an image, too: what was before it may be missing.
    if (told.channel === "withdrawals") this.withdrawals.value++;
    else if (told.channel === "account") this.account.value++;
    else if (told.image !== undefined) this.image(told);
    else if (told.channel === "orders") this.order(told);
    else if (told.channel === "balances" && told.balance) this.balances.set(told.balance.asset, told.balance);
    else return;
    if (told.image === undefined) for (const follower of this.followers) follower.take(told);
    this.draw();
  }

  /** Have somebody follow it; call what is returned to end that. */
  follow(follower: Follower): () => void {
    this.followers.add(follower);
    return () => this.followers.delete(follower);
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
      for (const follower of this.followers) follower.reset(); // what was fetched before it may be behind it
    }
  }

  private order({ order, event, reason }: Told): void {
    if (!order || event === "rejected") return;
    if (OPEN.has(order.status)) {
      this.open.set(order.order_id, order);
      return;
    }
    this.open.delete(order.order_id);
    if (reason !== undefined) this.reasons.set(order.order_id, reason);
    if (this.reasons.size > MOST_REASONS) this.reasons.delete(this.reasons.keys().next().value as number);
  }

  private readonly bump = (): void => {
    this.changed.value = this.changed.peek() + 1;
  };

  private draw(): void {
    onFrame(this.bump);
  }
}
