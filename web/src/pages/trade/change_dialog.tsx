// Other terms for an open order.
import { useSignal } from "@preact/signals";
import { own } from "../../account/line.ts";
import type { Instrument } from "../../market/instrument.ts";
import { lastPriceOf } from "../../market/last_price.ts";
import { told } from "../../net/http.ts";
import type { Change, OrderShown } from "../../net/v1.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Field, Notice } from "../../parts/parts.tsx";
import { judgeChange, TERMS, type Term, type Typed, termsOf } from "../../trade/change.ts";
import { change } from "../../trade/entry.ts";
import { RESEND_MS } from "../../trade/intent.ts";
import { type FarPrice, farPrices } from "../../trade/price_check.ts";
import { placeOf, spoken } from "../../trade/refusal.ts";
import type { Side } from "../../trade/ticket.ts";
import { clock, instruments } from "../../venue.ts";
import { PriceDialog } from "./price_dialog.tsx";

const NAMES: Record<Term, string> = {
  stop_price: "Stop price",
  price: "Price",
  trail: "Trail",
  quantity: "Quantity, what is filled included",
  display: "Display quantity (iceberg)",
};

export function ChangeDialog({ order, leave }: { order: OrderShown; leave: () => void }) {
  const instrument = instruments.value?.find((each) => each.symbol === order.symbol);
  const typed = useSignal<Typed>({});
  const wrong = useSignal<Typed>({});
  const said = useSignal<{ text: string; isBad: boolean } | null>(null);
  const isBusy = useSignal(false);
  /** Prices to confirm, and the change that waits for it. */
  const asked = useSignal<{ prices: FarPrice[]; terms: Change } | null>(null);
  if (instrument === undefined) return null;
  own.changed.value;
  const now = own.open.get(order.order_id);
  const terms = termsOf(order, instrument);
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy.value) return;
    const judged = judgeChange(order, typed.value, instrument);
    wrong.value = judged.wrong ?? {};
    if (judged.terms === undefined) return;
    isBusy.value = true;
    const prices = await farPricesOf(order, judged.terms, instrument);
    if (prices.length > 0) asked.value = { prices, terms: judged.terms };
    else await send(judged.terms);
    isBusy.value = false;
  };
  const send = async (wanted: Change) => {
    const outcome = await change(order.order_id, wanted, clock.deadline(RESEND_MS), (stage) => {
      said.value = { text: stage === "sent" ? "Sent …" : "No answer yet: asking the venue …", isBad: false };
    });
    if (outcome.what === "placed") {
      leave();
    } else if (outcome.what === "lost") {
      said.value = { text: "It never reached the venue: nothing was changed.", isBad: true };
    } else {
      const text = spoken(told(outcome.problem));
      const { place } = placeOf(outcome.problem);
      const term = place === "stop" ? "stop_price" : place;
      if (term !== undefined && term in terms) wrong.value = { [term]: text };
      said.value = { text, isBad: true };
    }
  };
  return (
    <Dialog title={`Change the ${order.side} order`} leave={leave}>
      <form class="form" onSubmit={submit}>
        {now === undefined && <Notice isBad>It is no longer open: there is nothing to change.</Notice>}
        {TERMS.filter((term) => term in terms).map((term) => (
          <Field
            key={term}
            label={`${NAMES[term]} (${term === "quantity" || term === "display" ? instrument.base : instrument.quote})`}
            inputMode="decimal"
            autocomplete="off"
            testid={`change-${term}`}
            value={typed.value[term] ?? terms[term]}
            wrong={wrong.value[term]}
            onInput={(event) => {
              typed.value = { ...typed.value, [term]: event.currentTarget.value };
              wrong.value = { ...wrong.value, [term]: undefined };
            }}
          />
        ))}
        <p class="quiet">Less at the same price keeps its place; all else goes to the end of the queue.</p>
        <div data-testid="change-message" aria-live="polite">
          {said.value !== null && <Notice isBad={said.value.isBad}>{said.value.text}</Notice>}
        </div>
        <button
          type="submit"
          class="button first"
          disabled={isBusy.value || now === undefined}
          data-testid="change-submit"
        >
          Change it
        </button>
      </form>
      {asked.value !== null && (
        <PriceDialog
          prices={asked.value.prices}
          instrument={instrument}
          action="Change it"
          confirm={async () => {
            const wanted = asked.value?.terms;
            asked.value = null;
            if (wanted === undefined || isBusy.value) return;
            isBusy.value = true;
            await send(wanted);
            isBusy.value = false;
          }}
          leave={() => {
            asked.value = null;
          }}
        />
      )}
    </Dialog>
  );
}

/** The new prices that are far from the market, which may be another one than the page shows. */
async function farPricesOf(order: OrderShown, terms: Change, instrument: Instrument): Promise<FarPrice[]> {
  if (terms.price === undefined && terms.stop_price === undefined) return [];
  const changed = { ...terms, side: order.side as Side };
  if (order.type === "stop_limit" && order.stop_price !== null) changed.stop_price ??= order.stop_price;
  return farPrices([changed], instrument, await lastPriceOf(instrument));
}
