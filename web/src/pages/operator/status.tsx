// How the venue is: processes, rings, rates, lags, snapshots and the other node, as `lockstep status` has them.
import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { call } from "../../net/session.ts";
import type { AgentStatus, LeaseStatus, NodeStatus, RingStatus, Status as Said } from "../../net/v1.ts";
import { Fact, Notice, Panel, Wrong } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { PATIENCE_MS, useWatched } from "./asked.ts";
import { type Moment, Rates } from "./rates.tsx";
import { Sessions } from "./sessions.tsx";
import { count, words } from "./shown.tsx";

type Known = Required<Said>;

const LEAST_PAUSE_MS = 1_000;
const MOST_MOMENTS = 300;
const MIB = 2 ** 20;

const look = () => call<Known>("/v1/operator/status", { patienceMs: PATIENCE_MS });
/** Each look is a process on the venue's host: it is at work at most half of the time. */
const pause = (tookMs: number) => Math.max(LEAST_PAUSE_MS, tookMs);

export function Status() {
  const { found, wrong } = useWatched(look, pause);
  const before = useRef<{ of: Known | null; moments: readonly Moment[] }>({ of: null, moments: [] });
  if (found !== null && before.current.of !== found) {
    const next = { atS: Date.now() / 1000, ...ratesOf(found) };
    before.current = { of: found, moments: [...before.current.moments, next].slice(-MOST_MOMENTS) };
  }
  const isOpen = useSignal(false);
  return (
    <>
      <Panel title="Venue" aside={found !== null && <Health status={found} />}>
        <Wrong text={wrong} />
        {found === null ? <p class="quiet none">Asking the venue …</p> : <Whole status={found} />}
      </Panel>
      <Panel title="Rates and lags" class="rates">
        <Rates moments={before.current.moments} />
      </Panel>
      <Panel title="Stages">
        <Stages status={found} />
      </Panel>
      <Panel title="Rings">
        <Rings rings={found?.rings ?? []} />
      </Panel>
      <Panel
        title="FIX sessions"
        aside={
          <button
            type="button"
            class="button"
            aria-expanded={isOpen.value}
            data-testid="show-sessions"
            onClick={() => {
              isOpen.value = !isOpen.value;
            }}
          >
            {isOpen.value ? "Hide" : "Show"}
          </button>
        }
      >
        {isOpen.value ? <Sessions /> : <p class="quiet none">Who looks at them is noted.</p>}
      </Panel>
    </>
  );
}

/** What is drawn of a look. */
export function ratesOf(status: Known): Omit<Moment, "atS"> {
  const per = (isIt: (name: string) => boolean) =>
    status.rings.filter(({ ring }) => isIt(ring)).reduce((sum, ring) => sum + ring.records_per_s, 0);
  return {
    commands: per((ring) => ring === "log"),
    events: per((ring) => ring.startsWith("events.")),
    lag: status.database_lag,
  };
}

function Health({ status }: { status: Known }) {
  return (
    <span class={status.running ? "status live" : "status away"} data-testid="venue-state">
      <span aria-hidden="true">{status.running ? "●" : "○"}</span> {status.running ? "all stages run" : "not all run"}
    </span>
  );
}

function Whole({ status }: { status: Known }) {
  const { snapshot, node, lease } = status;
  return (
    <>
      {status.orders_refused && <Notice isBad>The disk is nearly full: new orders are refused.</Notice>}
      {status.stalled_ms > 0 && (
        <Notice isBad>No order has been acknowledged for {Math.round(status.stalled_ms / 1000)} s.</Notice>
      )}
      {status.loader_problem !== "" && (
        <Notice isBad>
          The database takes no rows since {status.loader_problem_since}: {status.loader_problem}
        </Notice>
      )}
      {status.database_problem !== "" && <Notice isBad>The database can't be asked: {status.database_problem}</Notice>}
      {status.refused_rows > 0 && (
        <Notice isBad>
          The database has refused {count(status.refused_rows)} rows. Mend this, then run lockstep load-refused:{" "}
          {status.refused.map((each) => `${each.relation}: ${each.reason}`).join("; ")}
        </Notice>
      )}
      <dl class="facts" data-testid="venue-facts">
        <Fact name="Venue">
          <bdi>{status.venue}</bdi>
          {status.epoch > 0 && `, epoch ${status.epoch}`}
        </Fact>
        <Fact name="Boot">{status.boot_id.slice(0, 8)}</Fact>
        <Fact name="Log" testid="log-end">
          {count(status.log_end)}
        </Fact>
        <Fact name="Committed (lag)">
          {count(status.commit)} ({count(status.commit_lag)})
        </Fact>
        <Fact name="Database (lag)">
          {count(status.database)} ({count(status.database_lag)})
        </Fact>
        <Fact name="Spool">{count(status.spool_bytes / MIB)} MiB</Fact>
        <Fact name="Disk free">{count(status.disk_free_bytes / MIB)} MiB</Fact>
        <Fact name="Snapshot">
          {snapshot === null
            ? "none yet"
            : `${count(snapshot.seq)}, ${count(snapshot.size_bytes / MIB)} MiB, ${count(snapshot.age_s)} s ago`}
        </Fact>
        <Fact name="Generation">{status.generation}</Fact>
        {node !== null && <Nodes node={node} />}
        {lease !== null && <Lease lease={lease} />}
      </dl>
      {node !== null && <Wrong text={troubleOf(node) || null} />}
      {lease !== null && <Wrong text={lease.trouble || null} />}
    </>
  );
}

function Nodes({ node }: { node: NodeStatus }) {
  const { peer } = node;
  const behind = node.behind_ms === null ? "an unknown time" : `${count(node.behind_ms)} ms`;
  return (
    <>
      <Fact name="This node">
        {node.name}, {node.role}
        {node.waits && `, commits wait for ${peer.name}`}
      </Fact>
      <Fact name="Other node">{peer.name === "" ? "has not said who it is" : `${peer.name}, ${peer.role}`}</Fact>
      <Fact name="Link">{words(node.link)}</Fact>
      <Fact name="The secondary is behind by">
        {count(node.behind)} records, {behind}
      </Fact>
      <Fact name="Same state at">{node.compared === 0 ? "not compared yet" : count(node.compared)}</Fact>
    </>
  );
}

function Lease({ lease }: { lease: LeaseStatus }) {
  return (
    <Fact name="Lease">
      {lease.leader === "" ? "nobody" : `node ${lease.leader}`}, {lease.left_s} s left here
    </Fact>
  );
}

/** What is wrong between two nodes, for people. */
function troubleOf(node: NodeStatus): string {
  const said = [node.why];
  if (node.fenced) said.push("Another node is to lead: nothing is released here any more.");
  if (node.lapsed) said.push("This node was stopped for a while: it releases nothing before the other node answers.");
  if (node.differs > 0) said.push(`The secondary's state differs at record ${node.differs}: it must not lead.`);
  return said.filter((each) => each !== "").join(" ");
}

function Stages({ status }: { status: Known | null }) {
  const hosts = new Map(status?.hosts.map((host) => [host.name, host]));
  const host = (row: AgentStatus) => hosts.get(row.host);
  return (
    <Table
      label="Stages"
      testid="stages"
      columns={[
        { name: "Stage", shown: (row) => row.name },
        { name: "Process", shown: (row) => `${row.host} (${host(row)?.pid ?? "–"})` },
        { name: "Restarts", shown: (row) => host(row)?.restarts ?? 0 },
        { name: "Core", shown: (row) => host(row)?.core ?? "–" },
        {
          name: "State",
          shown: (row) => (
            <span class={row.state === "running" ? "" : "wrong"}>
              {row.state}
              {row.out_since && `, out since ${row.out_since}`}
            </span>
          ),
        },
        { name: "Heartbeat ms", shown: (row) => count(row.heartbeat_age_ms) },
        { name: "Records", shown: (row) => count(row.records) },
        { name: "Per s", shown: (row) => count(row.records_per_s) },
        { name: "Blocked", shown: (row) => count(row.blocked_rounds) },
      ]}
      rows={status?.agents ?? []}
      keyOf={(row) => row.name}
      rowTestid={(row) => `stage-${row.name}`}
      empty="Asking the venue …"
    />
  );
}

function Rings({ rings }: { rings: readonly RingStatus[] }) {
  const waiting = (row: RingStatus) =>
    row.consumers
      .filter((each) => each.waiting > 0)
      .map((each) => `${each.consumer} ${count(each.waiting)}`)
      .join(", ") || "none";
  return (
    <Table
      label="Rings"
      testid="rings"
      columns={[
        { name: "Ring", shown: (row) => row.ring },
        { name: "Capacity", shown: (row) => count(row.capacity) },
        { name: "Published", shown: (row) => count(row.published) },
        { name: "Per s", shown: (row) => count(row.records_per_s) },
        { name: "Fill", shown: (row) => `${(100 * row.fill).toFixed(1)} %` },
        { name: "Waiting for", shown: waiting },
      ]}
      rows={rings}
      keyOf={(row) => row.ring}
      empty="Asking the venue …"
    />
  );
}
