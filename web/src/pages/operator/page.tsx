// The venue as its operators and auditors see it.
import { Private } from "../../account/private.tsx";
import { Panel } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { instruments } from "../../venue.ts";

export function Place() {
  return (
    <Private forOperators>
      <div class="place">
        <h1>Operate</h1>
        <Panel title="Instruments">
          <Table
            label="Instruments"
            columns={[
              { name: "Symbol", shown: (row) => <a href={`/trade/${row.symbol}`}>{row.symbol}</a> },
              { name: "Tick", shown: (row) => row.tickText },
              { name: "Lot", shown: (row) => row.lotText },
            ]}
            rows={instruments.value ?? []}
            keyOf={(row) => row.symbol}
            empty="The venue lists nothing yet."
          />
        </Panel>
      </div>
    </Private>
  );
}
