// What there is of each asset, and what was bought and sold of each instrument.
import { utc } from "../../account/moments.ts";
import type { Holding, LastTrade, Portfolio, PositionShown } from "../../net/v1.ts";
import { grouped, signed } from "../../number/decimal.ts";
import { Panel } from "../../parts/parts.tsx";
import { type Column, Table } from "../../parts/table.tsx";
import { Change } from "./shown.tsx";

const NONE = "–";

function Last({ price }: { price: LastTrade | null }) {
  if (price === null) return <>{NONE}</>;
  return (
    <span title={`The last trade of ${price.symbol}, at ${utc.format(price.time)} UTC`}>{grouped(price.price)}</span>
  );
}

export function Balances({ portfolio }: { portfolio: Portfolio | null }) {
  const quote = portfolio?.quote ?? "";
  const columns: Column<Holding>[] = [
    { name: "Asset", shown: (row) => row.asset },
    { name: "Free", shown: (row) => grouped(row.free) },
    { name: "Held", shown: (row) => grouped(row.held) },
    { name: "Total", shown: (row) => grouped(row.total) },
    { name: "Last price", shown: (row) => <Last price={row.price} /> },
    { name: `Value ${quote}`, shown: (row) => (row.value === null ? "no price yet" : grouped(row.value)) },
  ];
  return (
    <Panel title="Balances">
      <Table
        label="Balances"
        testid="balances"
        columns={columns}
        rows={portfolio?.balances ?? []}
        keyOf={(row) => row.asset}
        empty={portfolio === null ? "Asking the venue …" : "There is nothing yet."}
      />
    </Panel>
  );
}

const POSITIONS: readonly Column<PositionShown>[] = [
  { name: "Market", shown: (row) => <a href={`/trade/${encodeURIComponent(row.symbol)}`}>{row.symbol}</a> },
  { name: "Quantity", shown: (row) => signed(row.quantity) },
  { name: "Average cost", shown: (row) => (row.average_cost === null ? NONE : grouped(row.average_cost)) },
  { name: "Cost", shown: (row) => grouped(row.cost) },
  { name: "Last price", shown: (row) => <Last price={row.price} /> },
  { name: "Value", shown: (row) => (row.value === null ? "no price yet" : grouped(row.value)) },
  { name: "Unrealised", shown: (row) => <Change of={row.unrealised} /> },
  { name: "Realised", shown: (row) => <Change of={row.realised} /> },
  { name: "In", shown: (row) => row.quote },
  { name: "Fills", shown: (row) => row.fills },
];

export function Positions({ portfolio }: { portfolio: Portfolio | null }) {
  return (
    <Panel title="Positions">
      <Table
        label="Positions"
        testid="positions"
        columns={POSITIONS}
        rows={portfolio?.positions ?? []}
        keyOf={(row) => row.symbol}
        empty={portfolio === null ? "Asking the venue …" : "Nothing was bought or sold here yet."}
      />
      <p class="note">
        What was bought less what was sold here, at average cost, after fees. Deposits and withdrawals are not in it, so
        a position is not a balance.
      </p>
    </Panel>
  );
}
