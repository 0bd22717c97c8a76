// What somebody owns: what it is worth, how that came, and every movement behind it.
import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { own } from "../../account/line.ts";
import { Private } from "../../account/private.tsx";
import { Fresh } from "../../net/fresh.ts";
import { call, person, state } from "../../net/session.ts";
import type { Portfolio } from "../../net/v1.ts";
import { Notice } from "../../parts/parts.tsx";
import { streams } from "../../venue.ts";
import { Balances, Positions } from "./holdings.tsx";
import { Statements } from "./statements.tsx";
import { Worth } from "./worth.tsx";
import "./portfolio.css";

const MARKETS = "!miniTicker@arr"; // each second in which something traded

export function Place() {
  return (
    <Private>
      <Mine key={person.value?.account} />
    </Private>
  );
}

function Mine() {
  const quote = useSignal<string | null>(null);
  const named = quote.value;
  const fresh = useFresh(named);
  const portfolio = fresh.answer.value;
  return (
    <div class="place">
      <h1>Portfolio</h1>
      {fresh.trouble.value !== null && (
        <Notice isBad>
          {fresh.trouble.value} {portfolio !== null && "What is shown is older."} Asking again …
        </Notice>
      )}
      <Worth
        portfolio={portfolio}
        quote={named}
        choose={(one) => {
          quote.value = one;
        }}
      />
      <Balances portfolio={portfolio} />
      <Positions portfolio={portfolio} />
      <Statements />
    </div>
  );
}

/** The portfolio, asked for again when something of one's own, or a market, has moved. */
function useFresh(quote: string | null): Fresh<Portfolio> {
  const fresh = useMemo(
    () =>
      new Fresh(() => call<Portfolio>(`/v1/portfolio${quote === null ? "" : `?quote=${encodeURIComponent(quote)}`}`)),
    [quote],
  );
  useEffect(() => () => fresh.close(), [fresh]);
  useEffect(() => {
    streams.subscribe(MARKETS, fresh.stale, fresh.stale);
    return () => streams.unsubscribe(MARKETS);
  }, [fresh]);
  useSignalEffect(() => {
    own.changed.value;
    if (state.value === "somebody") fresh.stale();
  });
  useEffect(fresh.stale, [fresh]);
  return fresh;
}
