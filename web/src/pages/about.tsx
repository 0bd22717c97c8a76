// What this is, and whose work it stands on.

export function About() {
  return (
    <article class="about">
      <h1>Lockstep</h1>
      <p>
        A trading venue that anyone can run. This page is one of its clients: whatever it shows and does, any program
        can, by <a href="/docs">the API</a>.
      </p>
      <h2>Made with</h2>
      <p>
        Charts: TradingView Lightweight Charts™, Copyright © TradingView, Inc. (
        <a href="https://www.tradingview.com/" rel="noreferrer">
          www.tradingview.com
        </a>
        ), Apache-2.0. Depth: uPlot, MIT. Preact, MIT.
      </p>
    </article>
  );
}
