// What somebody owns.
import { own } from "../../account/line.ts";
import { Private } from "../../account/private.tsx";
import { grouped } from "../../number/decimal.ts";
import { Panel } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";

export function Place() {
  return (
    <Private>
      <div class="place">
        <h1>Portfolio</h1>
        <Balances />
      </div>
    </Private>
  );
}

function Balances() {
  own.changed.value;
  return (
    <Panel title="Balances">
      <Table
        label="Balances"
        columns={[
          { name: "Asset", shown: (row) => row.asset },
          { name: "Free", shown: (row) => grouped(row.free) },
          { name: "Held", shown: (row) => grouped(row.held) },
          { name: "Total", shown: (row) => grouped(row.total) },
        ]}
        rows={[...own.balances.values()]}
        keyOf={(row) => row.asset}
        empty="There is nothing yet."
      />
    </Panel>
  );
}
