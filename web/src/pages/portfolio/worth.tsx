// What all of it is worth, now and at the ends of intervals before.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { utc } from "../../account/moments.ts";
import type { Interval } from "../../market/candles.ts";
import { INTERVAL_MS } from "../../market/intervals.ts";
import { Fresh } from "../../net/fresh.ts";
import { call, state } from "../../net/session.ts";
import type { PastValue, Portfolio, PortfolioHistory } from "../../net/v1.ts";
import { difference, grouped, trimmed } from "../../number/decimal.ts";
import { Choices, Notice, Panel } from "../../parts/parts.tsx";
import { Table } from "../../parts/table.tsx";
import { clock, instruments } from "../../venue.ts";
import { Change } from "./shown.tsx";
import { ValueChart } from "./value_chart.tsx";

interface Reach {
  interval: Interval;
  count: number;
}

const REACHES = ["1 hour", "1 day", "1 week", "1 year"] as const;
type ReachName = (typeof REACHES)[number];
const REACH: Readonly<Record<ReachName, Reach>> = {
  "1 hour": { interval: "1m", count: 60 },
  "1 day": { interval: "5m", count: 288 },
  "1 week": { interval: "1h", count: 168 },
  "1 year": { interval: "1d", count: 365 },
};
const LATE_MS = 1_000; // an interval has ended for everybody by then

export function Worth(props: { portfolio: Portfolio | null; quote: string | null; choose: (quote: string) => void }) {
  const { portfolio, quote, choose } = props;
  return (
    <Panel
      title="Value"
      aside={
        <label class="check">
          in
          <select
            class="input narrow"
            value={quote ?? portfolio?.quote ?? ""}
            data-testid="portfolio-quote"
            onChange={(event) => choose(event.currentTarget.value)}
          >
            {quotes(portfolio).map((asset) => (
              <option key={asset} value={asset}>
                {asset}
              </option>
            ))}
          </select>
        </label>
      }
    >
      <dl class="facts">
        <div>
          <dt>Now, at the last trades</dt>
          <dd class="worth" data-testid="portfolio-value">
            {portfolio === null ? "…" : `${grouped(trimmed(portfolio.value))} ${portfolio.quote}`}
          </dd>
        </div>
        {portfolio?.profits.map((profit) => (
          <div key={profit.quote} class="profit" data-testid="portfolio-profit">
            <dt>Unrealised, realised ({profit.quote})</dt>
            <dd>
              <Change of={profit.unrealised} /> <Change of={profit.realised} />
            </dd>
          </div>
        ))}
      </dl>
      {portfolio !== null && portfolio.unpriced.length > 0 && (
        <Notice>
          Nothing has traded for {portfolio.quote} that says what {portfolio.unpriced.join(", ")} would cost: not in
          this value.
        </Notice>
      )}
      {portfolio !== null && <Curve key={portfolio.quote} portfolio={portfolio} />}
    </Panel>
  );
}

/** What values can be in: all that is listed. */
function quotes(portfolio: Portfolio | null): string[] {
  const listed = instruments.value ?? [];
  return [...new Set([portfolio?.quote ?? "", ...listed.flatMap(({ quote, base }) => [quote, base])])]
    .filter((asset) => asset !== "")
    .sort();
}

function Curve({ portfolio }: { portfolio: Portfolio }) {
  const chosen = useSignal<ReachName>("1 hour");
  const reach = REACH[chosen.value];
  const { quote } = portfolio;
  const fresh = usePast(quote, reach);
  const past = fresh.answer.value;
  const values = useMemo(() => (past === null ? [] : [...sinceIts(past.values), nowOf(portfolio)]), [past, portfolio]);
  return (
    <div class="curve">
      <Choices<ReachName>
        label="How far back"
        of={REACHES}
        chosen={chosen.value}
        choose={(one) => {
          chosen.value = one;
        }}
      />
      {fresh.trouble.value !== null && <Notice isBad>{fresh.trouble.value} Asking again …</Notice>}
      <ValueChart values={values} quote={quote} />
      <Summary values={values} quote={quote} />
      <details>
        <summary>As a table</summary>
        <div class="bounded">
          <Table<PastValue>
            label="Values"
            testid="portfolio-history"
            columns={[
              { name: "Time (UTC)", shown: (row) => utc.format(row.time) },
              { name: quote, shown: (row) => (row.value === null ? "–" : grouped(row.value)) },
              { name: "Without a price", shown: (row) => row.unpriced.join(", ") },
            ]}
            rows={[...values].reverse()}
            keyOf={(row) => row.time}
            empty="Asking the venue …"
          />
        </div>
      </details>
    </div>
  );
}

/** The values of the past, asked for again when another interval has ended. */
function usePast(quote: string, { interval, count }: Reach): Fresh<PortfolioHistory> {
  const intervalMs = INTERVAL_MS[interval];
  const fresh = useMemo(() => {
    const from = () => Math.max(0, Math.floor(clock.now()) - count * intervalMs);
    const path = () => `/v1/portfolio/history?from=${from()}&interval=${interval}&quote=${encodeURIComponent(quote)}`;
    return new Fresh(() => call<PortfolioHistory>(path()));
  }, [quote, interval, intervalMs, count]);
  useEffect(() => {
    let timer = 0;
    const again = () => {
      fresh.stale();
      timer = window.setTimeout(again, intervalMs - (clock.now() % intervalMs) + LATE_MS);
    };
    again();
    return () => {
      window.clearTimeout(timer);
      fresh.close();
    };
  }, [fresh, intervalMs]);
  useSignalEffect(() => {
    if (state.value === "somebody") fresh.stale(); // who has logged in again need not wait for it
  });
  return fresh;
}

/** From where on the account had anything. */
function sinceIts(values: readonly PastValue[]): readonly PastValue[] {
  const begins = values.findIndex(({ value }) => value === null || /[1-9]/.test(value));
  return begins < 0 ? [] : values.slice(begins);
}

/** What it is worth now, as the last value of the curve: with the same holes. */
function nowOf({ time, value, unpriced }: Portfolio): PastValue {
  return { time, value: unpriced.length > 0 ? null : value, unpriced };
}

/** What the curve shows, in words; and where it has holes, why. */
function Summary({ values, quote }: { values: readonly PastValue[]; quote: string }) {
  const known = values.filter((each) => each.value !== null);
  const first = known[0];
  const last = known.at(-1);
  const holes = [...new Set(values.flatMap((each) => each.unpriced))].sort();
  return (
    <p class="note" data-testid="portfolio-summary">
      {first?.value != null && last?.value != null && (
        <>
          Since {utc.format(first.time)} UTC: <Change of={difference(last.value, first.value)} /> {quote}, with deposits
          and withdrawals.{" "}
        </>
      )}
      {holes.length > 0 && `There is no value where nothing had traded yet that says what ${holes.join(", ")} cost.`}
    </p>
  );
}
