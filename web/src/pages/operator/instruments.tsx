// Instruments: what phase each is in, and all that can be set of them; assets and fee tiers.
import { ask } from "../../net/http.ts";
import type { AssetListed, InstrumentInFull, InstrumentShown, TierShown } from "../../net/v1.ts";
import { Fact, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { Act, mayChange } from "./act.tsx";
import { useAsked, useWatched } from "./asked.ts";
import type { Command } from "./command.ts";
import { form } from "./form.ts";
import { PLANNED, planText } from "./plan.ts";
import { words } from "./shown.tsx";

const PHASES_MS = 2_000;
const DELISTED = "delisted";

const phasesNow = () => ask<InstrumentShown[]>("/v1/instruments");
const often = () => PHASES_MS;

/** The phases of all instruments as they are now. */
function usePhases(): ReadonlyMap<string, string> {
  const { found } = useWatched(phasesNow, often);
  return new Map(found?.map((each) => [each.symbol, each.phase]));
}

export function Instruments({ of }: { of: string | null }) {
  const { found, wrong } = useAsked<InstrumentInFull[]>("/v1/operator/instruments");
  const now = usePhases();
  const rows = (found ?? []).map((each) => ({ ...each, phase: now.get(each.symbol) ?? each.phase }));
  const one = rows.find((each) => each.symbol === of);
  if (of !== null && found !== null) {
    return one === undefined ? (
      <Wrong text={`The venue lists no ${of.slice(0, 40)}.`} />
    ) : (
      <Instrument instrument={one} wrong={wrong} />
    );
  }
  return (
    <>
      <Panel title="Instruments" aside={<Act command={form("DefineInstrument")}>List an instrument</Act>}>
        <Wrong text={wrong} />
        <Table
          label="Instruments"
          columns={[
            {
              name: "Symbol",
              shown: (row) => <a href={`/operator/instruments/${row.symbol}`}>{row.symbol}</a>,
            },
            { name: "Phase", shown: (row) => <span data-testid="phase">{words(row.phase)}</span> },
            ...(mayChange()
              ? [
                  {
                    name: "Actions",
                    isNameHidden: true,
                    shown: (row: InstrumentInFull) => <Switches instrument={row} />,
                  },
                ]
              : []),
            { name: "Tick", shown: (row) => row.tick },
            { name: "Lot", shown: (row) => row.lot },
            { name: "Maker ppm", shown: (row) => row.maker_fee_ppm },
            { name: "Taker ppm", shown: (row) => row.taker_fee_ppm },
            { name: "Matcher", shown: (row) => row.matcher },
          ]}
          rows={rows}
          keyOf={(row) => row.symbol}
          rowTestid={(row) => `instrument-${row.symbol}`}
          empty={found === null ? "Asking the venue …" : "The venue lists nothing yet."}
        />
      </Panel>
      <Assets />
      <Tiers />
    </>
  );
}

/** What is needed in a hurry. */
function Switches({ instrument: { symbol, phase } }: { instrument: InstrumentInFull }) {
  if (phase === DELISTED) return null;
  return phase === "continuous" ? (
    <Act command={form("Halt", { symbol })} testid="halt">
      Halt
    </Act>
  ) : (
    <Act command={form("Resume", { symbol })} testid="resume">
      Resume
    </Act>
  );
}

function Instrument({ instrument, wrong }: { instrument: InstrumentInFull; wrong: string | null }) {
  const { symbol, phase } = instrument;
  const isListed = phase !== DELISTED;
  return (
    <>
      <Panel
        title={symbol}
        aside={
          <>
            <a href={`/trade/${symbol}`}>Market</a>
            <a href="/operator/instruments">All</a>
          </>
        }
      >
        <Wrong text={wrong} />
        <dl class="facts">
          <Fact name="Phase" testid="phase">
            {words(phase)}
          </Fact>
          <Fact name="Base, quote">
            {instrument.base}, {instrument.quote}
          </Fact>
          <Fact name="Tick">{instrument.tick}</Fact>
          <Fact name="Lot">{instrument.lot}</Fact>
          <Fact name="Matcher">{instrument.matcher}</Fact>
          <Fact name="Maker, taker fee ppm">
            {instrument.maker_fee_ppm}, {instrument.taker_fee_ppm}
          </Fact>
          <Fact name="Collar bps">{instrument.collar_bps}</Fact>
          <Fact name="Reference price">{instrument.reference_price ?? "no price"}</Fact>
          <Fact name="Maximum quantity of an order">{instrument.max_quantity ?? "any"}</Fact>
          <Fact name="Maximum value of an order">{instrument.max_value ?? "any"}</Fact>
          <Fact name="Static band bps">{instrument.static_band_bps ?? "none"}</Fact>
          <Fact name="Dynamic band bps">{instrument.dynamic_band_bps ?? "none"}</Fact>
          <Fact name="At a band">{instrument.band_action ?? "–"}</Fact>
          <Fact name="Volatility auction ms">{instrument.volatility_auction_ms}</Fact>
          <Fact name="DAY orders end (UTC)">{instrument.day_end}</Fact>
        </dl>
        {isListed && mayChange() && (
          <div class="acts">
            {phase !== "halt" && (
              <Act command={form("Halt", { symbol })} testid="halt">
                Halt
              </Act>
            )}
            {phase !== "continuous" && (
              <Act command={form("Resume", { symbol })} testid="resume">
                Resume
              </Act>
            )}
            <Act command={form("BeginPhase", { symbol }, { now: { phase: "opening_auction" } })} testid="begin-phase">
              Auction or other phase
            </Act>
            <Act command={form("CancelOrders", { symbol })} testid="mass-cancel">
              Cancel orders
            </Act>
            <Act command={form("ChangeTerms", { symbol })}>Terms</Act>
            <Act command={form("LimitInstrument", { symbol })} testid="limits">
              Limits
            </Act>
            <Act command={form("Move", { symbol }, { now: { matcher: String(instrument.matcher) } })}>Move</Act>
            <Act command={form("Delist", { symbol })} testid="delist">
              Delist
            </Act>
          </div>
        )}
      </Panel>
      <Panel
        title="Schedule (UTC)"
        aside={
          isListed && (
            <Act command={schedule(instrument)} testid="schedule">
              Change
            </Act>
          )
        }
      >
        <Table
          label="Schedule"
          columns={[
            { name: "Time", shown: (row) => row.time },
            { name: "Phase", shown: (row) => words(row.phase) },
            { name: "Days", shown: (row) => (row.days.length === 7 ? "all" : row.days.join(" ")) },
          ]}
          rows={instrument.schedule}
          keyOf={(row) => `${row.time} ${row.days.join()}`}
          empty="None: phases change by command alone."
        />
      </Panel>
    </>
  );
}

function schedule({ symbol, schedule }: InstrumentInFull): Command {
  const first = `A line for each phase: 08:00 continuous mon tue. Phases: ${PLANNED.join(", ")}. No line: none. `;
  return form("ReplaceSchedule", { symbol }, { now: { entries: planText(schedule) }, first });
}

function Assets() {
  const { found, wrong } = useAsked<AssetListed[]>("/v1/operator/assets");
  return (
    <Panel title="Assets" aside={<Act command={form("ListAsset", {}, { now: { scale: "8" } })}>List an asset</Act>}>
      <Wrong text={wrong} />
      <Table
        label="Assets"
        columns={[
          { name: "Name", shown: (row) => row.name },
          { name: "Number", shown: (row) => row.asset },
          { name: "Decimals", shown: (row) => row.scale },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.name}
        empty={found === null ? "Asking the venue …" : "None yet."}
      />
    </Panel>
  );
}

function Tiers() {
  const { found, wrong } = useAsked<TierShown[]>("/v1/operator/fee-tiers");
  return (
    <Panel
      title="Fee tiers"
      aside={
        <Act command={form("SetTier")} testid="fee-tier">
          Set a tier
        </Act>
      }
    >
      <Wrong text={wrong} />
      <Table
        label="Fee tiers"
        columns={[
          { name: "Tier", shown: (row) => row.tier },
          { name: "Maker ppm", shown: (row) => row.maker_fee_ppm },
          { name: "Taker ppm", shown: (row) => row.taker_fee_ppm },
        ]}
        rows={found ?? []}
        keyOf={(row) => row.tier}
        empty={found === null ? "Asking the venue …" : "None: all pay the instruments' own rates."}
      />
    </Panel>
  );
}
