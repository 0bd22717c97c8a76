// The page that row `page` is compared with: the same streams, each message drawn when it comes, as is done at first.
// It has a ladder, a tape and the last price; no chart, no status, no ticket, which cost the other page something.
function naive(symbol) {
  const book = { bids: new Map(), asks: new Map() };
  let trades = [];
  document.body.innerHTML = `<h1></h1><table id="asks"></table><table id="bids"></table><table id="tape"></table>`;
  const at = (selector) => document.querySelector(selector);
  const shown = (text) => Number(text).toLocaleString("en", { minimumFractionDigits: 2 });

  const side = (selector, levels, order) => {
    const best = [...levels].sort((a, b) => order * (a[0] - b[0])).slice(0, 11);
    let total = 0;
    at(selector).innerHTML = best
      .map(([price, quantity]) => {
        total += Number(quantity);
        return `<tr><td>${shown(price)}</td><td>${quantity}</td><td>${total.toFixed(4)}</td></tr>`;
      })
      .join("");
  };

  const depth = ({ b, a }) => {
    for (const [levels, changed] of [
      [book.bids, b],
      [book.asks, a],
    ]) {
      for (const [price, quantity] of changed) {
        if (Number(quantity) === 0) levels.delete(price);
        else levels.set(price, quantity);
      }
    }
    side("#bids", book.bids, -1);
    side("#asks", book.asks, 1);
  };

  const trade = ({ p, q, T }) => {
    trades = [{ p, q, T }, ...trades].slice(0, 30);
    at("h1").textContent = shown(p);
    at("#tape").innerHTML = trades
      .map((each) => {
        const time = new Date(each.T).toLocaleTimeString("en-GB", { timeZone: "UTC" });
        return `<tr><td>${shown(each.p)}</td><td>${each.q}</td><td>${time}</td></tr>`;
      })
      .join("");
  };

  const socket = new WebSocket(`ws://${location.host}/stream?streams=${symbol}@depth@100ms/${symbol}@trade`);
  socket.onmessage = ({ data }) => {
    const { stream, data: message } = JSON.parse(data);
    if (stream.endsWith("@trade")) trade(message);
    else depth(message);
  };
}
