// The page: what stands around every place of it, and which place is shown.
import { render } from "preact";
import "./tokens.css";
import "./base.css";
import "./parts/parts.css";
import "./main.css";
import { effect } from "@preact/signals";
import * as line from "./account/line.ts";
import { Dialogs, isWanted } from "./account/login.tsx";
import { isOperating } from "./account/private.tsx";
import { useDeed } from "./account/submission.ts";
import { Help, HelpButton } from "./help/help.tsx";
import { listen } from "./help/keyboard.ts";
import { Tour } from "./help/tour.tsx";
import { begin, logOut, person, state } from "./net/session.ts";
import { About } from "./pages/about.tsx";
import { TradePage } from "./pages/trade/page.tsx";
import { type Fetch, Later } from "./parts/later.tsx";
import { Wrong } from "./parts/parts.tsx";
import { decoded, path } from "./router.ts";
import { apply, choose, type Theme, theme } from "./theme.ts";
import { connect, instruments } from "./venue.ts";

const THEMES: readonly Theme[] = ["system", "light", "dark"];

const PLACES: Readonly<Record<string, Fetch>> = {
  portfolio: () => import("./pages/portfolio/page.tsx"),
  account: () => import("./pages/account/page.tsx"),
  operator: () => import("./pages/operator/page.tsx"),
};

const TITLES: Readonly<Record<string, string>> = {
  portfolio: "Portfolio",
  account: "Account",
  operator: "Operate",
  about: "About",
};

function placeOf(of: string): string {
  return of.split("/")[1] ?? "";
}

function titleOf(place: string): string {
  const title = TITLES[place];
  return title === undefined ? "Lockstep" : `${title} · Lockstep`;
}

function Page() {
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <header class="top">
        <a class="brand" href="/">
          Lockstep
        </a>
        <nav aria-label="Main">
          <a href={`/trade/${instruments.value?.[0]?.symbol ?? ""}`}>Markets</a>
          {person.value !== null && <a href="/portfolio">Portfolio</a>}
          {person.value !== null && <a href="/account">Account</a>}
          {isOperating(person.value?.role) && <a href="/operator">Operate</a>}
          <a href="/docs">API</a>
          <a href="/about">About</a>
        </nav>
        <Who />
        <HelpButton />
        <label class="theme">
          <span class="hidden-text">Colours</span>
          <select
            class="input narrow"
            value={theme.value}
            onChange={(event) => choose(event.currentTarget.value as Theme)}
          >
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
      </header>
      <Tour />
      <main id="main" tabIndex={-1}>
        <Place />
      </main>
      <Help />
      <Dialogs />
    </>
  );
}

function Who() {
  if (person.value === null) {
    return (
      <button
        type="button"
        class="button"
        data-testid="login-open"
        disabled={state.value === "asking"}
        onClick={() => {
          isWanted.value = true;
        }}
      >
        Log in
      </button>
    );
  }
  return (
    <span class="who">
      <bdi data-testid="who">{person.value.name}</bdi> <LogOut />
    </span>
  );
}

function LogOut() {
  const deed = useDeed();
  return (
    <>
      <button type="button" class="button" data-testid="logout" disabled={deed.isBusy} onClick={() => deed.run(logOut)}>
        Log out
      </button>
      <Wrong text={deed.problem === null ? null : `You may still be logged in. ${deed.problem}`} />
    </>
  );
}

function Place() {
  const [, place, rest] = path.value.split("/");
  if (place === "about") return <About />;
  const later = PLACES[place ?? ""];
  if (later !== undefined) return <Later fetch={later} />;
  const symbol = place === "trade" && rest ? decoded(rest) : instruments.value?.[0]?.symbol;
  return <TradePage symbol={symbol ?? ""} />;
}

apply();
connect();
listen();
void begin();
effect(() => {
  if (state.value === "somebody") line.start();
  else if (state.value !== "asking") line.stop();
});
let shown = "";
effect(() => {
  const now = path.value;
  const place = placeOf(now);
  // A market, and a section of a place, say their own.
  if (place !== placeOf(shown) || place === "trade") document.title = titleOf(place);
  if (shown !== "" && now !== shown) document.getElementById("main")?.focus({ preventScroll: true });
  shown = now;
});
render(<Page />, document.getElementById("page") as HTMLElement);
