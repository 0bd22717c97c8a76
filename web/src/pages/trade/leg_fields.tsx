// The fields of one order: those that its type has, the rarer ones folded away.
import type { ComponentChildren } from "preact";
import type { Instrument } from "../../market/instrument.ts";
import { Field, Select } from "../../parts/parts.tsx";
import { type Kind, timesIn, typesOf } from "../../trade/list.ts";
import {
  type Draft,
  has,
  type Place,
  type SelfTrade,
  type Time,
  type Type,
  timesOf,
  type Wrongs,
} from "../../trade/ticket.ts";

const NAMES: Record<Type, string> = {
  limit: "Limit",
  market: "Market",
  stop: "Stop",
  stop_limit: "Stop limit",
  trailing_stop: "Trailing stop",
};
const TIME_NAMES: Record<Time, string> = {
  gtc: "until cancelled (GTC)",
  day: "day",
  ioc: "immediate or cancel (IOC)",
  fok: "fill or kill (FOK)",
  gtd: "until a date (GTD)",
  at_the_open: "at the open",
  at_the_close: "at the close",
};
const SELF_TRADE_NAMES: Record<SelfTrade, string> = {
  "": "as the account has it",
  none: "they trade",
  cancel_newest: "the newer one is cancelled",
  cancel_oldest: "the older one is cancelled",
  cancel_both: "both are cancelled",
  decrement: "both shrink by the smaller",
};

interface LegProps {
  kind: Kind;
  /** Which order of a list it is, from 0. */
  place: number;
  draft: Draft;
  wrong: Wrongs;
  instrument: Instrument;
  set: (change: Partial<Draft>) => void;
}

/** `aside` stands below the quantity. */
export function LegFields({ aside, ...leg }: LegProps & { aside?: ComponentChildren }) {
  const { kind, place, draft, wrong, instrument, set } = leg;
  const { base, quote } = instrument;
  const name = place === 0 ? "ticket" : "ticket-second";
  const types = typesOf(kind, place);
  const field = (of: Exclude<Place, "type" | "time" | "expires">, label: string) =>
    has(draft, of) && (
      <Field
        label={label}
        inputMode="decimal"
        autocomplete="off"
        value={draft[of]}
        wrong={wrong[of]}
        testid={`${name}-${of}`}
        onInput={(event) => set({ [of]: event.currentTarget.value })}
      />
    );
  return (
    <>
      {types.length > 1 && (
        <Select
          label="Type"
          testid={`${name}-type`}
          of={Object.fromEntries(types.map((type) => [type.toUpperCase(), NAMES[type]]))}
          value={draft.type.toUpperCase()}
          wrong={wrong.type}
          onChange={(event) => set({ type: event.currentTarget.value.toLowerCase() as Type })}
        />
      )}
      {field("stop", `Stop price (${quote})`)}
      {field("price", `Price (${quote})`)}
      {field("trail", `Trail (${quote})`)}
      {!(kind === "oco" && place === 1) && field("quantity", `Quantity (${base})`)}
      {kind === "one" && draft.quantity === "" && field("budget", `or a budget (${quote})`)}
      {aside}
      <details>
        <summary>Further terms</summary>
        <div class="form">
          <Times {...leg} name={name} />
          {field("display", "Display quantity (iceberg)")}
          {field("minimum", "Minimum quantity")}
          <Select
            label="Self-trade prevention"
            testid={`${name}-self-trade`}
            of={SELF_TRADE_NAMES}
            value={draft.selfTrade}
            onChange={(event) => set({ selfTrade: event.currentTarget.value as SelfTrade })}
          />
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
    </>
  );
}

function Times({ kind, place, draft, wrong, set, name }: LegProps & { name: string }) {
  const times = timesIn(kind, place, timesOf(draft.type));
  return (
    <>
      {times.length > 1 && (
        <Select
          label="Time in force"
          testid={`${name}-time`}
          of={Object.fromEntries(times.map((time) => [time, TIME_NAMES[time]]))}
          value={times.includes(draft.time) ? draft.time : (times[0] as string)}
          wrong={wrong.time}
          onChange={(event) => set({ time: event.currentTarget.value as Time })}
        />
      )}
      {has(draft, "expires") && (
        <Field
          label="Until, by this computer's time zone"
          type="datetime-local"
          value={draft.expires}
          wrong={wrong.expires}
          testid={`${name}-expires`}
          onInput={(event) => set({ expires: event.currentTarget.value })}
        />
      )}
    </>
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
