// The ticket: one order, what it costs and holds before it is sent, and what the venue says of it.
import { type Signal, useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { own } from "../../account/line.ts";
import { isWanted } from "../../account/login.tsx";
import type { Market } from "../../market/market.ts";
import { call, state } from "../../net/session.ts";
import type { OrderShown } from "../../net/v1.ts";
import { format } from "../../number/decimal.ts";
import { Choices, Field, Notice, Panel } from "../../parts/parts.tsx";
import { carryOut, newId } from "../../trade/intent.ts";
import {
  type Cost,
  cost,
  type Draft,
  type Free,
  has,
  judge,
  type Place,
  type Side,
  share,
  type Time,
  TYPES,
  type Type,
  timesOf,
} from "../../trade/ticket.ts";
import { clock } from "../../venue.ts";

const SHARES = ["25 %", "50 %", "75 %", "100 %"] as const;
const NAMES: Record<Type, string> = {
  limit: "Limit",
  market: "Market",
  stop: "Stop",
  stop_limit: "Stop limit",
  trailing_stop: "Trailing stop",
};
const TIME_NAMES: Record<Time, string> = {
  gtc: "until cancelled",
  day: "today",
  ioc: "at once, or not (IOC)",
  fok: "all at once, or not (FOK)",
  gtd: "until a moment",
  at_the_open: "at the open",
  at_the_close: "at the close",
};
/** The venue's name of a field, and ours. */
const PLACES: Record<string, Place> = { stop_price: "stop", time_in_force: "time" };

interface Said {
  text: string;
  isBad: boolean;
}

export function TicketPanel({ market, draft, side }: { market: Market; draft: Signal<Draft>; side: Signal<Side> }) {
  const { instrument } = market;
  const wrong = useSignal<Partial<Record<Place, string>>>({});
  const said = useSignal<Said | null>(null);
  const isBusy = useRef(false);
  const isSending = useSignal(false);
  own.changed.value;
  market.tapeChanged.value;
  const now = draft.value;
  const set = (change: Partial<Draft>) => {
    draft.value = { ...draft.value, ...change };
    const left = { ...wrong.value };
    for (const key of Object.keys(change)) delete left[key as Place];
    wrong.value = left;
  };
  const last = market.tape.last;
  const lastPrice = last === undefined ? null : instrument.price(last.corrected ?? last.price);
  const free = own.free(side.value === "buy" ? instrument.quote : instrument.base);
  const judged = judge(now, side.value, instrument, clock.now());
  const estimate = judged.order === undefined ? null : cost(judged.order, instrument, lastPrice, free);

  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy.current) return; // a double click
    if (judged.order === undefined) {
      wrong.value = judged.wrong;
      return;
    }
    isBusy.current = true;
    isSending.value = true;
    const id = newId();
    const body = { ...judged.order, client_order_id: id };
    try {
      const outcome = await carryOut<OrderShown>({
        send: async () => (await call<{ order: OrderShown }>("/v1/orders", { method: "POST", body })).order,
        find: () => call<OrderShown>(`/v1/orders/by-client-id/${id}`),
        wait: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
        now: () => performance.now(),
        tell: (stage) => {
          const text = stage === "sent" ? "Sent …" : "No answer yet: asking the venue what became of it …";
          said.value = { text, isBad: false };
        },
      });
      if (outcome.what === "placed") {
        said.value = { text: became(outcome.order), isBad: false };
      } else if (outcome.what === "lost") {
        said.value = { text: "It never reached the venue: nothing was placed.", isBad: true };
      } else {
        const { field, message } = outcome.problem;
        const place = field === undefined ? undefined : (PLACES[field] ?? (field as Place));
        if (place !== undefined && has(now, place)) wrong.value = { [place]: message };
        said.value = { text: message, isBad: true };
      }
    } finally {
      isBusy.current = false;
      isSending.value = false;
    }
  };

  const field = (place: Exclude<Place, "time" | "expires">, label: string, testid?: string) =>
    has(now, place) && (
      <Field
        label={label}
        inputMode="decimal"
        autocomplete="off"
        value={now[place]}
        wrong={wrong.value[place]}
        {...(testid === undefined ? {} : { testid })}
        onInput={(event) => set({ [place]: event.currentTarget.value })}
      />
    );

  return (
    <Panel title="Order" class="ticket">
      <form class="form" onSubmit={submit}>
        <div class="sides">
          {(["buy", "sell"] as const).map((one) => (
            <button
              key={one}
              type="button"
              class={`button ${one}-side`}
              aria-pressed={side.value === one}
              data-testid={`ticket-${one}`}
              onClick={() => {
                side.value = one;
              }}
            >
              {one === "buy" ? "Buy" : "Sell"} {instrument.base}
            </button>
          ))}
        </div>
        <Selected
          label="Type"
          testid="ticket-type"
          of={TYPES.map((type) => [type.toUpperCase(), NAMES[type]])}
          value={now.type.toUpperCase()}
          choose={(value) => set({ type: value.toLowerCase() as Type })}
        />
        {field("stop", `Stop price (${instrument.quote})`, "ticket-stop")}
        {field("price", `Price (${instrument.quote})`, "ticket-price")}
        {field("trail", `Trail (${instrument.quote})`, "ticket-trail")}
        {field("quantity", `Quantity (${instrument.base})`, "ticket-quantity")}
        {now.quantity === "" && field("budget", `or a budget (${instrument.quote})`, "ticket-budget")}
        <Choices
          label="Share of what is free"
          of={SHARES}
          chosen={null}
          choose={(one) => {
            const price = judged.order?.price === undefined ? lastPrice : instrument.price(judged.order.price);
            const quantity = share(BigInt(one.replace(" %", "")), side.value, instrument, price, free);
            if (quantity !== null) set({ quantity });
          }}
        />
        <Further draft={now} wrong={wrong.value} set={set} field={field} />
        <Costs cost={estimate} free={free} asset={side.value === "buy" ? instrument.quote : instrument.base} />
        {state.value === "somebody" ? (
          <button
            type="submit"
            class={`button first ${side.value}-first`}
            disabled={isSending.value}
            data-testid="ticket-submit"
          >
            {side.value === "buy" ? "Buy" : "Sell"} {instrument.base}
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
          {said.value !== null && <Notice isBad={said.value.isBad}>{said.value.text}</Notice>}
        </div>
      </form>
    </Panel>
  );
}

/** What an order became, in the venue's words. */
function became(order: OrderShown): string {
  const filled = `${order.filled} filled`;
  if (order.status === "new") return order.type === "limit" ? "It rests in the book." : "It waits for its price.";
  if (order.status === "partially_filled") return `It rests in the book, ${filled}.`;
  if (order.status === "filled") return `It is ${filled}.`;
  return `It is ${order.status.replaceAll("_", " ")}, ${filled}.`;
}

function Further(props: {
  draft: Draft;
  wrong: Partial<Record<Place, string>>;
  set: (change: Partial<Draft>) => void;
  field: (place: "display" | "minimum", label: string) => preact.ComponentChildren;
}) {
  const { draft, wrong, set, field } = props;
  return (
    <details>
      <summary>Further terms</summary>
      <div class="form">
        {has(draft, "time") && (
          <Selected
            label="In force"
            testid="ticket-time"
            of={timesOf(draft.type).map((time) => [time, TIME_NAMES[time]])}
            value={timesOf(draft.type).includes(draft.time) ? draft.time : (timesOf(draft.type)[0] as string)}
            choose={(value) => set({ time: value as Time })}
          />
        )}
        {has(draft, "expires") && (
          <Field
            label="Until"
            type="datetime-local"
            value={draft.expires}
            wrong={wrong.expires}
            onInput={(event) => set({ expires: event.currentTarget.value })}
          />
        )}
        {field("display", "Show in the book at most")}
        {field("minimum", "Trade at once at least")}
        {draft.type === "limit" && (
          <>
            <Check
              label="Only rest, never take (post-only)"
              value={draft.isPostOnly}
              set={(isPostOnly) => set({ isPostOnly })}
            />
            <Check
              label="Take the best price that rests instead (slide)"
              value={draft.isSliding}
              set={(isSliding) => set({ isSliding })}
            />
          </>
        )}
      </div>
    </details>
  );
}

function Check(props: { label: string; value: boolean; set: (value: boolean) => void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={props.value} onChange={(event) => props.set(event.currentTarget.checked)} />
      {props.label}
    </label>
  );
}

function Selected(props: {
  label: string;
  testid: string;
  of: readonly (readonly [string, string])[];
  value: string;
  choose: (value: string) => void;
}) {
  return (
    <label class="field">
      <span class="quiet">{props.label}</span>
      <select
        class="input"
        data-testid={props.testid}
        value={props.value}
        onChange={(event) => props.choose(event.currentTarget.value)}
      >
        {props.of.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

function Costs({ cost, free, asset }: { cost: Cost | null; free: Free | null; asset: string }) {
  return (
    <dl class="costs">
      {cost !== null && (
        <>
          <dt>{cost.isEstimate ? "Costs about" : "Holds"}</dt>
          <dd>
            {cost.hold} {cost.asset}
          </dd>
          <dt>Fee at most</dt>
          <dd>
            {cost.fee} {cost.feeAsset}
          </dd>
        </>
      )}
      <dt>Stays free</dt>
      <dd class={cost?.isTooMuch ? "sell" : ""}>
        {cost?.left ?? (free === null ? "–" : format(free.units, free.scale, 2))} {asset}
        {cost?.isTooMuch && " (not enough)"}
      </dd>
    </dl>
  );
}
