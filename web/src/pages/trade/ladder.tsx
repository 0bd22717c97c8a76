// The book as a ladder: asks above, bids below, the spread between them.
import { useMemo, useState } from "preact/hooks";
import { own } from "../../account/line.ts";
import { type Rung, rungs } from "../../market/book.ts";
import type { Market } from "../../market/market.ts";
import { format, grouped } from "../../number/decimal.ts";
import { Panel } from "../../parts/parts.tsx";
import { levels } from "../../trade/levels.ts";

const ROWS = 11;
const STEPS = [1n, 5n, 10n, 50n, 100n, 1000n, 10_000n];

export function Ladder({ market, choose }: { market: Market; choose: (price: bigint) => void }) {
  const [step, setStep] = useState(1n);
  const { instrument, book } = market;
  market.bookChanged.value;
  const asks = rungs(book.asks, false, step * instrument.tick, ROWS);
  const bids = rungs(book.bids, true, step * instrument.tick, ROWS);
  const most = [asks.at(-1)?.total ?? 0n, bids.at(-1)?.total ?? 0n].reduce((a, b) => (a > b ? a : b));
  const told = own.changed.value;
  const mine = useMemo(() => levels(own.open, instrument, step * instrument.tick), [told, instrument, step]);
  const bestAsk = asks[0];
  const bestBid = bids[0];
  const mineText = (quantity = 0n) => (quantity === 0n ? "" : format(quantity, instrument.quantityScale, 0));
  const side = (found: Rung[], isBid: boolean) => {
    const rows = Array.from({ length: ROWS }, (_, i) => (
      <Row
        key={i}
        place={i}
        rung={found[i]}
        isBid={isBid}
        priceText={found[i] === undefined ? "" : instrument.priceText(found[i].price)}
        quantityText={found[i] === undefined ? "" : instrument.quantityText(found[i].quantity)}
        mineText={mineText((isBid ? mine.bids : mine.asks).get(found[i]?.price ?? -1n))}
        totalText={found[i] === undefined ? "" : instrument.quantityText(found[i].total)}
        depth={found[i] === undefined || most === 0n ? 0 : Number((found[i].total * 100n) / most)}
        choose={choose}
      />
    ));
    return isBid ? rows : rows.reverse();
  };
  return (
    <Panel
      title="Book"
      class="ladder"
      aside={
        <select
          class="input narrow"
          aria-label="Prices joined in steps of"
          value={step.toString()}
          onChange={(event) => setStep(BigInt(event.currentTarget.value))}
        >
          {STEPS.map((each) => (
            <option key={each.toString()} value={each.toString()}>
              {format(each * instrument.tick, instrument.priceScale, 0)}
            </option>
          ))}
        </select>
      }
    >
      <table>
        <thead>
          <tr>
            <th scope="col">Price {instrument.quote}</th>
            <th scope="col">Quantity {instrument.base}</th>
            <th scope="col">Total</th>
          </tr>
        </thead>
        <tbody aria-label="Asks">{side(asks, false)}</tbody>
        <tbody>
          <tr class="spread">
            <td colSpan={3}>
              {bestAsk && bestBid
                ? `spread ${instrument.priceText(bestAsk.price - bestBid.price)}`
                : "one side is empty"}
            </td>
          </tr>
        </tbody>
        <tbody aria-label="Bids">{side(bids, true)}</tbody>
      </table>
    </Panel>
  );
}

interface RowProps {
  place: number;
  rung: Rung | undefined;
  isBid: boolean;
  priceText: string;
  quantityText: string;
  /** How much of it is one's own; "": nothing. */
  mineText: string;
  totalText: string;
  depth: number;
  choose: (price: bigint) => void;
}

function Row({ place, rung, isBid, priceText, quantityText, mineText, totalText, depth, choose }: RowProps) {
  const name = `ladder-${isBid ? "bid" : "ask"}-${place}`;
  if (rung === undefined) {
    return (
      <tr>
        <td colSpan={3} data-testid={name}>
          {"\u00a0"}
        </td>
      </tr>
    );
  }
  return (
    <tr class={isBid ? "rung bid" : "rung ask"} style={{ backgroundSize: `${depth}% 100%` }}>
      <td data-testid={name}>
        <button type="button" class={`rung-price ${isBid ? "buy" : "sell"}`} onClick={() => choose(rung.price)}>
          <span class="hidden-text">{isBid ? "bid at " : "ask at "}</span>
          {grouped(priceText)}
        </button>
        {mineText !== "" && (
          <span class="mine" title={`Yours: ${mineText}`}>
            <span aria-hidden="true">◆</span>
            <span class="hidden-text">, yours: </span>
            {mineText}
          </span>
        )}
      </td>
      <td>{quantityText}</td>
      <td>{totalText}</td>
    </tr>
  );
}
