// The ticket: an order or a list of two, what it costs and holds before it is sent, and what the venue says of it.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { own } from "../../account/line.ts";
import { isWanted } from "../../account/login.tsx";
import { lastPriceOf } from "../../market/last_price.ts";
import type { Market } from "../../market/market.ts";
import { isCollecting, refusal } from "../../market/phase.ts";
import { told } from "../../net/http.ts";
import { state } from "../../net/session.ts";
import type { OrderShown } from "../../net/v1.ts";
import { format, grouped } from "../../number/decimal.ts";
import { Choices, Notice, Panel } from "../../parts/parts.tsx";
import { place } from "../../trade/entry.ts";
import type { Form } from "../../trade/form.ts";
import { RESEND_MS } from "../../trade/intent.ts";
import { costAll, judgeAll, KINDS, type Kind, type Leg, legsOf } from "../../trade/list.ts";
import { became, becameList } from "../../trade/outcome.ts";
import { type FarPrice, farPrices } from "../../trade/price_check.ts";
import { placeOf, spoken } from "../../trade/refusal.ts";
import {
  type Cost,
  type Draft,
  type Free,
  has,
  type Order,
  type Side,
  share,
  type Wrongs,
} from "../../trade/ticket.ts";
import { clock } from "../../venue.ts";
import { LegFields } from "./leg_fields.tsx";
import { PriceDialog } from "./price_dialog.tsx";

const SHARES = ["25 %", "50 %", "75 %", "100 %"] as const;
const KIND_NAMES: Record<Kind, string> = { one: "Single", oco: "OCO", oto: "OTO" };
const SECOND: Record<Kind, string> = {
  one: "",
  oco: "Or the stop: when one trades, the other is cancelled",
  oto: "Then, when the first is filled",
};

/** What the venue said: words, or orders, whose words may still get a reason. */
type Said = { text: string; isBad: boolean } | { orders: readonly OrderShown[] };

export function TicketPanel({ market, form }: { market: Market; form: Form }) {
  const { instrument } = market;
  const wrong = useSignal<Wrongs[]>([]);
  const said = useSignal<Said | null>(null);
  const isBusy = useRef(false);
  const isSending = useSignal(false);
  /** Prices to confirm, and the orders that wait for it. */
  const asked = useSignal<{ prices: FarPrice[]; orders: Order[] } | null>(null);
  own.changed.value;
  const kind = form.kind.value;
  const legs = legsOf(kind, form.first.value, form.second.value);
  const [first, second] = legs as [Leg, Leg?];
  const { side } = first;
  const asset = side === "buy" ? instrument.quote : instrument.base;
  if (legs.some(({ draft }) => !has(draft, "price"))) market.tapeChanged.value; // what it costs follows the market
  const lastPrice = () => {
    const { last } = market.tape;
    return last === undefined ? null : instrument.price(last.corrected ?? last.price);
  };
  /** The last price, else the best that is quoted. */
  const marketPrice = async () => {
    const { book, tape } = market;
    const last = tape.isWhole ? lastPrice() : await lastPriceOf(instrument);
    return last ?? (side === "buy" ? book.asks : book.bids).best(1)[0]?.[0] ?? null;
  };
  const free = own.free(asset);
  const judged = judgeAll(legs, instrument, clock.now());
  const estimate = judged.orders === undefined ? null : costAll(kind, judged.orders, instrument, lastPrice(), free);

  const set = (at: 0 | 1, change: Partial<Draft>) => {
    const leg = at === 0 ? form.first : form.second;
    leg.value = { ...leg.value, draft: { ...leg.value.draft, ...change } };
    wrong.value = wrong.value.map((each, i) =>
      i === at ? (Object.fromEntries(Object.entries(each).filter(([key]) => !(key in change))) as Wrongs) : each,
    );
  };
  const chosenShare = (one: string) => {
    const typed = judged.orders?.[0]?.price;
    const price = typed === undefined ? lastPrice() : instrument.price(typed);
    const quantity = share(BigInt(one.replace(" %", "")), side, instrument, price, free);
    if (quantity !== null) set(0, { quantity });
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy.current) return; // a double click
    wrong.value = judged.wrong ?? [];
    const { orders } = judged;
    if (orders === undefined) return;
    const refused = refusal(market.phase.value, orders[0] as Order);
    if (refused !== null) {
      const place = isCollecting(market.phase.value) ? "time" : undefined;
      wrong.value = wrongBy(legs, { leg: 0, place }, refused);
      said.value = { text: refused, isBad: true };
      return;
    }
    await once(async () => {
      const prices = farPrices(orders, instrument, await marketPrice());
      if (prices.length > 0) asked.value = { prices, orders };
      else await send(orders);
    });
  };
  /** Do this while nothing else can be submitted. */
  const once = async (task: () => Promise<void>) => {
    isBusy.current = true;
    isSending.value = true;
    try {
      await task();
    } finally {
      isBusy.current = false;
      isSending.value = false;
    }
  };
  const send = async (orders: Order[]) => {
    const outcome = await place(kind, orders, clock.deadline(RESEND_MS), (stage) => {
      const text = stage === "sent" ? "Sent …" : "No answer yet: asking the venue for the order's state …";
      said.value = { text, isBad: false };
    });
    if (outcome.what === "placed") {
      said.value = { orders: outcome.order };
    } else if (outcome.what === "lost") {
      said.value = { text: "It never reached the venue: nothing was placed.", isBad: true };
    } else {
      const text = spoken(told(outcome.problem));
      wrong.value = wrongBy(legs, placeOf(outcome.problem), text);
      said.value = { text, isBad: true };
    }
  };

  return (
    <Panel title="Order" class="ticket">
      <form class="form" onSubmit={submit}>
        <Choices<Kind>
          label="How many orders"
          of={KINDS}
          chosen={kind}
          choose={(one) => {
            form.kind.value = one;
            wrong.value = [];
          }}
          shown={(one) => KIND_NAMES[one]}
        />
        <Sides
          name="ticket"
          base={instrument.base}
          side={side}
          choose={(one) => {
            form.first.value = { ...form.first.value, side: one };
          }}
        />
        <LegFields
          kind={kind}
          place={0}
          draft={first.draft}
          wrong={wrong.value[0] ?? {}}
          instrument={instrument}
          set={(change) => set(0, change)}
          aside={<Choices label="Share of what is free" of={SHARES} chosen={null} choose={chosenShare} />}
        />
        {second !== undefined && (
          <fieldset class="leg">
            <legend>{SECOND[kind]}</legend>
            {kind === "oto" && (
              <Sides
                name="ticket-second"
                base={instrument.base}
                side={second.side}
                choose={(one) => {
                  form.second.value = { ...form.second.value, side: one };
                }}
              />
            )}
            <LegFields
              kind={kind}
              place={1}
              draft={second.draft}
              wrong={wrong.value[1] ?? {}}
              instrument={instrument}
              set={(change) => set(1, change)}
            />
          </fieldset>
        )}
        <Costs cost={estimate} free={free} asset={asset} />
        {state.value === "somebody" ? (
          <button
            type="submit"
            class={`button first ${side}-first`}
            disabled={isSending.value}
            data-testid="ticket-submit"
          >
            {side === "buy" ? "Buy" : "Sell"} {instrument.base}
            {kind !== "one" && ` (${KIND_NAMES[kind]})`}
          </button>
        ) : (
          <button
            type="button"
            class="button first"
            data-testid="ticket-submit"
            onClick={() => {
              isWanted.value = true;
            }}
          >
            Log in to trade
          </button>
        )}
        <div data-testid="ticket-message" aria-live="polite">
          {said.value !== null && <Word said={said.value} />}
        </div>
      </form>
      {asked.value !== null && (
        <PriceDialog
          prices={asked.value.prices}
          instrument={instrument}
          action={`${side === "buy" ? "Buy" : "Sell"} ${instrument.base}`}
          confirm={() => {
            const orders = asked.value?.orders;
            asked.value = null;
            if (orders !== undefined && !isBusy.current) void once(() => send(orders));
          }}
          leave={() => {
            asked.value = null;
          }}
        />
      )}
    </Panel>
  );
}

/** A refusal beside the field that it is about, where the order has that; what is said of a quantity may be of a budget. */
function wrongBy(legs: readonly Leg[], at: ReturnType<typeof placeOf>, text: string): Wrongs[] {
  return legs.map(({ draft }, i) => {
    if (i !== at.leg || at.place === undefined) return {};
    const place = at.place === "quantity" && draft.type === "market" && draft.quantity === "" ? "budget" : at.place;
    return has(draft, place) ? { [place]: text } : {};
  });
}

function Word({ said }: { said: Said }) {
  if ("text" in said) return <Notice isBad={said.isBad}>{said.text}</Notice>;
  const [order] = said.orders;
  const reasonOf = ({ order_id }: OrderShown) => own.reasons.get(order_id);
  if (order === undefined) return null;
  return (
    <Notice>{said.orders.length === 1 ? became(order, reasonOf(order)) : becameList(said.orders, reasonOf)}</Notice>
  );
}

function Sides(props: { name: string; base: string; side: Side; choose: (side: Side) => void }) {
  return (
    <div class="sides">
      {(["buy", "sell"] as const).map((one) => (
        <button
          key={one}
          type="button"
          class={`button ${one}-side`}
          aria-pressed={props.side === one}
          data-testid={`${props.name}-${one}`}
          onClick={() => props.choose(one)}
        >
          {one === "buy" ? "Buy" : "Sell"} {props.base}
        </button>
      ))}
    </div>
  );
}

function Costs({ cost, free, asset }: { cost: Cost | null; free: Free | null; asset: string }) {
  return (
    <dl class="costs">
      {cost !== null && (
        <>
          <dt>{cost.isEstimate ? "Costs about" : "Holds"}</dt>
          <dd>
            {grouped(cost.hold)} {cost.asset}
          </dd>
          <dt>Fee at most</dt>
          <dd>
            {grouped(cost.fee)} {cost.feeAsset}
          </dd>
        </>
      )}
      <dt>Stays free</dt>
      <dd class={cost?.isTooMuch ? "sell" : ""}>
        {free === null ? "–" : grouped(cost?.left ?? format(free.units, free.scale, 2))} {asset}
        {cost?.isTooMuch && " (not enough)"}
      </dd>
    </dl>
  );
}
