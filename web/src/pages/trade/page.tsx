// A market, live: candles, depth, ladder, tape and figures. No login is needed.
import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { History } from "../../account/history.ts";
import { moment } from "../../account/moments.ts";
import { INTERVALS, type Interval } from "../../market/candles.ts";
import type { Instrument } from "../../market/instrument.ts";
import { Market } from "../../market/market.ts";
import { isCollecting, meaning, nameOf } from "../../market/phase.ts";
import { state } from "../../net/session.ts";
import { grouped } from "../../number/decimal.ts";
import { Choices, Notice, Panel } from "../../parts/parts.tsx";
import { go } from "../../router.ts";
import { Form } from "../../trade/form.ts";
import { clock, instruments, isClockWrong, streams, trouble } from "../../venue.ts";
import { CandleChart } from "./candle_chart.tsx";
import { DepthChart } from "./depth_chart.tsx";
import { Ladder } from "./ladder.tsx";
import { OwnPanels } from "./own_panel.tsx";
import { Status } from "./status.tsx";
import { TapePanel } from "./tape.tsx";
import { TicketPanel } from "./ticket_panel.tsx";
import "./trade.css";

export function TradePage({ symbol }: { symbol: string }) {
  const listed = instruments.value;
  if (listed === null) return <Notice isBad={trouble.value !== null}>{trouble.value ?? "Asking the venue …"}</Notice>;
  const found = listed.find((each) => each.symbol === symbol.toUpperCase());
  if (found === undefined) return <NoSuch symbol={symbol} />;
  return <Live key={found.symbol} instrument={found} />;
}

function NoSuch({ symbol }: { symbol: string }) {
  return (
    <Notice isBad>
      This venue lists no <bdi>{symbol.slice(0, 40)}</bdi>. It lists{" "}
      {(instruments.value ?? []).slice(0, 20).map((each) => (
        <>
          <a key={each.symbol} href={`/trade/${each.symbol}`}>
            {each.symbol}
          </a>{" "}
        </>
      ))}
    </Notice>
  );
}

type Chart = "Candles" | "Depth";

function Live({ instrument }: { instrument: Instrument }) {
  const market = useMemo(() => new Market(instrument, streams, clock), [instrument]);
  const chart = useSignal<Chart>("Candles");
  const form = useMemo(() => new Form(), []);
  const history = useMemo(() => new History(instrument.symbol), [instrument]);
  useEffect(() => {
    market.open();
    document.title = `${instrument.symbol} · Lockstep`;
    return () => market.close();
  }, [market, instrument]);
  return (
    <div class={state.value === "somebody" || state.value === "ended" ? "trade" : "trade visitor"}>
      <div class="over">
        <Head market={market} />
        <PhaseNotice market={market} />
        <Asleep market={market} />
        {isClockWrong.value && (
          <Notice>
            This computer's clock is wrong. Times here are the venue's; set the clock, or codes won't work.
          </Notice>
        )}
        {market.trouble.value !== null && <Notice isBad>{market.trouble.value} Trying again …</Notice>}
      </div>
      <Panel
        title="Chart"
        class="charts"
        aside={
          <>
            <Choices<Chart>
              label="What is drawn"
              of={["Candles", "Depth"]}
              chosen={chart.value}
              choose={(one) => {
                chart.value = one;
              }}
            />
            {chart.value === "Candles" && (
              <Choices<Interval>
                label="Interval"
                of={INTERVALS}
                chosen={market.interval.value}
                choose={(one) => void market.show(one)}
              />
            )}
          </>
        }
      >
        {chart.value === "Candles" ? <CandleChart market={market} history={history} /> : <DepthChart market={market} />}
      </Panel>
      <Ladder market={market} choose={(price) => form.set({ price: instrument.priceText(price) })} />
      <TapePanel market={market} />
      <TicketPanel market={market} form={form} />
      <OwnPanels symbol={instrument.symbol} history={history} />
    </div>
  );
}

/** What a trader must know where a market does not trade continuously. */
function PhaseNotice({ market }: { market: Market }) {
  const phase = market.phase.value;
  const text = meaning(phase);
  if (text === null) return null;
  return (
    <div data-testid="phase-notice">
      <Notice>
        {text}
        {phase.endsMs !== 0 && ` It ends at ${moment(phase.endsMs)}.`}
      </Notice>
    </div>
  );
}

/** How to bring a market to life in which nothing is quoted and nothing was ever traded. */
function Asleep({ market }: { market: Market }) {
  const isAsleep = useComputed(() => {
    market.bookChanged.value;
    market.tapeChanged.value;
    const { book, tape } = market;
    return book.isWhole && book.bids.size + book.asks.size === 0 && tape.isWhole && tape.trades.length === 0;
  });
  if (!isAsleep.value) return null;
  return (
    <p class="quiet asleep" data-testid="asleep">
      Nothing is quoted here yet. <code>make demo</code> brings the market to life; beside a venue that runs,{" "}
      <code>lockstep demo</code> does.
    </p>
  );
}

function Head({ market }: { market: Market }) {
  const { instrument } = market;
  const figures = market.figures.value;
  const shown = (price: string) => grouped(instrument.priceText(instrument.price(price)));
  const last = useComputed(() => {
    market.tapeChanged.value;
    const trade = market.tape.last;
    return trade === undefined ? "no trade yet" : shown(trade.corrected ?? trade.price);
  }); // a text that changes draws nothing around it
  const phase = market.phase.value;
  const isDown = figures?.change.startsWith("-");
  return (
    <div class="head">
      <Symbols instrument={instrument} />
      <span class="last" data-testid="last-price">
        {last}
      </span>
      <dl class="figures">
        <Figure name="24 h change">
          {figures === null ? (
            "–"
          ) : (
            <span class={isDown ? "sell" : "buy"}>
              <span aria-hidden="true">{isDown ? "▼" : "▲"}</span> {figures.percent} %
            </span>
          )}
        </Figure>
        <Figure name="24 h high">{figures === null ? "–" : shown(figures.high)}</Figure>
        <Figure name="24 h low">{figures === null ? "–" : shown(figures.low)}</Figure>
        <Figure name={`24 h ${instrument.base}`}>
          {figures === null ? "–" : grouped(instrument.quantityText(instrument.quantity(figures.volume)))}
        </Figure>
        {meaning(phase) !== null && <Figure name="Phase">{nameOf(phase)}</Figure>}
        {isCollecting(phase) && market.indicative.value !== null && (
          <>
            <Figure name="Indicative">
              {shown(market.indicative.value.price)} × {trimmed(instrument, market.indicative.value.quantity)}
            </Figure>
            <Figure name="Imbalance">{trimmed(instrument, market.indicative.value.imbalance)}</Figure>
          </>
        )}
      </dl>
      <Status market={market} />
    </div>
  );
}

function trimmed(instrument: Instrument, quantity: string): string {
  return instrument.quantityText(instrument.quantity(quantity));
}

function Figure(props: { name: string; children: preact.ComponentChildren }) {
  return (
    <div>
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

/** The symbol, and a search for another one. */
function Symbols({ instrument }: { instrument: Instrument }) {
  const search = (typed: string, input: HTMLInputElement) => {
    const wanted = typed.trim().toUpperCase();
    if (instruments.value?.some((each) => each.symbol === wanted)) {
      go(`/trade/${wanted}`);
      input.blur();
    }
  };
  return (
    <h1 class="symbol">
      <label>
        <span class="hidden-text">Market: type a symbol to see another one</span>
        <input
          class="input"
          list="symbols"
          data-testid="symbol-search"
          value={instrument.symbol}
          autocomplete="off"
          spellcheck={false}
          onFocus={(event) => event.currentTarget.select()}
          onBlur={(event) => {
            event.currentTarget.value = instrument.symbol;
          }}
          onInput={(event) => search(event.currentTarget.value, event.currentTarget)}
        />
      </label>
      <datalist id="symbols">
        {(instruments.value ?? []).map((each) => (
          <option key={each.symbol} value={each.symbol}>
            {each.base}/{each.quote}
          </option>
        ))}
      </datalist>
    </h1>
  );
}
