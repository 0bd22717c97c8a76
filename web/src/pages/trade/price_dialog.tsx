// A dialog in which a trader types prices far from the market a second time.
import { useSignal } from "@preact/signals";
import type { Instrument } from "../../market/instrument.ts";
import { grouped, read } from "../../number/decimal.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { Field } from "../../parts/parts.tsx";
import { distance, type FarPrice } from "../../trade/price_check.ts";

export function PriceDialog(props: {
  prices: readonly FarPrice[];
  instrument: Instrument;
  action: string;
  confirm: () => void;
  leave: () => void;
}) {
  const { prices, instrument } = props;
  const typed = useSignal<readonly string[]>(prices.map(() => ""));
  const wrong = useSignal<readonly (string | undefined)[]>([]);
  const shown = (price: bigint) => `${grouped(instrument.priceText(price))} ${instrument.quote}`;
  const submit = (event: Event) => {
    event.preventDefault();
    event.stopPropagation(); // the dialog may stand inside another form
    wrong.value = prices.map(({ price }, i) =>
      read(typed.value[i] ?? "", instrument.priceScale).units === price
        ? undefined
        : `Type ${instrument.priceText(price)}, or go back and correct the price.`,
    );
    if (wrong.value.every((each) => each === undefined)) props.confirm();
  };
  return (
    <Dialog title="Check the price" leave={props.leave}>
      <form class="form" onSubmit={submit} data-testid="price-check">
        {prices.map((far, i) => (
          <div key={i}>
            <p>
              The {far.name} to {far.side}, {shown(far.price)}, is {distance(far)} the {far.base} (
              {shown(far.basePrice)}).
            </p>
            <Field
              label={`Type the ${far.name} again to confirm it`}
              inputMode="decimal"
              autocomplete="off"
              testid={`price-check-${i}`}
              value={typed.value[i] ?? ""}
              wrong={wrong.value[i]}
              onInput={(event) => {
                typed.value = typed.value.map((each, at) => (at === i ? event.currentTarget.value : each));
              }}
            />
          </div>
        ))}
        <div class="buttons">
          <button type="submit" class="button first" data-testid="price-check-submit">
            {props.action}
          </button>
          <button type="button" class="button" onClick={props.leave}>
            Go back
          </button>
        </div>
      </form>
    </Dialog>
  );
}
