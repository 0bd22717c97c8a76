// One's own orders and fills in a symbol, back to the first one, and what becomes of them meanwhile.
import { call } from "../net/session.ts";
import type { FillShown, OrderShown } from "../net/v1.ts";
import type { Follower, Told } from "./own.ts";
import { Past } from "./past.ts";

/** A fill, and what a correction since has made of it. */
export interface FillRow extends FillShown {
  /** The price that it had. */
  was?: string;
  isUndone?: boolean;
}

const page = (what: string, symbol: string, until: number | null, limit: number) =>
  `/v1/${what}?symbol=${symbol}&limit=${limit}${until === null ? "" : `&until=${until}`}`;

export class History implements Follower {
  readonly orders: Past<OrderShown>;
  readonly fills: Past<FillRow>;
  readonly symbol: string;

  constructor(symbol: string) {
    this.symbol = symbol;
    this.orders = new Past<OrderShown>({
      key: (order) => String(order.order_id),
      time: (order) => order.entered,
      fetch: (until, limit) => call(page("orders", symbol, until, limit)),
    });
    this.fills = new Past<FillRow>({
      key: (fill) => `${fill.seq}/${fill.trade_id}/${fill.side}`, // of a trade with oneself there are two
      time: (fill) => fill.time,
      fetch: (until, limit) => call(page("fills", symbol, until, limit)),
    });
  }

  reset(): void {
    this.orders.begin(this.orders.from);
    this.fills.begin(this.fills.from);
  }

  take(told: Told): void {
    if (told.channel !== "orders") return;
    if (told.event === "corrected") this.correct(told);
    if (told.order?.symbol !== this.symbol || told.event === "rejected") return;
    this.orders.put(told.order);
    if (told.fill !== undefined && told.event === "trade") this.fills.put(told.fill);
  }

  private correct({ symbol, trade_id, side, is_undone, price, value, fee }: Told): void {
    if (symbol !== this.symbol) return;
    this.fills.change(
      (fill) => fill.trade_id === trade_id && fill.side === side,
      (fill) => {
        if (!is_undone && price === fill.price) return fill; // it came as it is by now
        return {
          ...fill,
          was: fill.was ?? fill.price,
          isUndone: is_undone ?? false,
          price: price ?? fill.price,
          value: value ?? fill.value,
          fee: fee ?? fill.fee,
        };
      },
    );
  }
}
