// What row `page` asks of a page, from within: put into each window before the page's own scripts.
{
  const sockets = [];
  const threads = [];
  const longTasks = [];
  const cold = { candle: null, ladder: null };
  const LADDER = "[data-testid=ladder-bid-0] button";
  const ROWS = "[data-testid=open-orders] tbody tr";
  const every = (test) => test.every((each) => each !== null);

  window.WebSocket = class extends WebSocket {
    constructor(...terms) {
      super(...terms);
      sockets.push(this);
    }
  };
  window.Worker = class extends Worker {
    constructor(...terms) {
      super(...terms);
      threads.push(this);
    }
  };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) longTasks.push(duration);
  }).observe({ type: "longtask" });

  // A candle is what is filled in the colour of one.
  const { fillRect } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.fillRect = function (...terms) {
    fillRect.apply(this, terms);
    const style = getComputedStyle(document.documentElement);
    const colours = style.getPropertyValue("--buy") + style.getPropertyValue("--sell");
    if (colours.includes(this.fillStyle)) shown("candle");
  };
  new MutationObserver((_, observer) => {
    if (document.querySelector(LADDER) === null) return;
    observer.disconnect();
    shown("ladder");
  }).observe(document, { childList: true, subtree: true });

  function shown(what) {
    if (cold[what] !== null) return;
    cold[what] = Number.POSITIVE_INFINITY; // until it is painted
    requestAnimationFrame(() => {
      cold[what] = performance.now();
      if (every(Object.values(cold))) CanvasRenderingContext2D.prototype.fillRect = fillRect;
    });
  }

  window.bench = {
    sockets,

    /** Milliseconds of the tasks above 50, since they were asked for last. */
    longTasks: () => longTasks.splice(0),

    /** Milliseconds from where the page was asked for until a candle and the ladder were painted; null before. */
    cold: () => (Object.values(cold).every(Number.isFinite) && every(Object.values(cold)) ? cold : null),

    /** Compressed bytes of all scripts. */
    scriptBytes: () =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => name.endsWith(".js"))
        .reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),

    /** Messages that come by the page's sockets, and by those of its threads, counted for so long: counting is not free. */
    count: (seconds) =>
      new Promise((done) => {
        let count = 0;
        const one = () => {
          count += 1;
        };
        const many = ({ data }) => {
          if (data.is === "messages") count += data.json.split('{"stream":').length - 1;
        };
        for (const socket of sockets) socket.addEventListener("message", one);
        for (const thread of threads) thread.addEventListener("message", many);
        setTimeout(() => {
          for (const socket of sockets) socket.removeEventListener("message", one);
          for (const thread of threads) thread.removeEventListener("message", many);
          done(count);
        }, seconds * 1000);
      }),

    /** How often ladder and tape changed in so many seconds, and the most that one of them did within one frame. */
    draws: (seconds) =>
      new Promise((done) => {
        const until = performance.now() + seconds * 1000;
        const found = { draws: 0, most: 0 };
        const inFrame = new Map();
        const watched = [".ladder", ".tape"].map((panel) => {
          const observer = new MutationObserver(() => {
            found.draws += 1;
            inFrame.set(panel, (inFrame.get(panel) ?? 0) + 1);
          });
          observer.observe(document.querySelector(panel), { childList: true, subtree: true, characterData: true });
          return observer;
        });
        const frame = () => {
          found.most = Math.max(found.most, ...inFrame.values());
          inFrame.clear();
          if (performance.now() < until) return requestAnimationFrame(frame);
          for (const observer of watched) observer.disconnect();
          done(found);
        };
        requestAnimationFrame(frame);
      }),

    /** Begin to wait for one more open order; `rested` is how many milliseconds after the click it was painted. */
    awaitOrder: () => {
      const before = document.querySelectorAll(ROWS).length;
      let clicked = 0;
      const click = ({ timeStamp }) => {
        clicked = timeStamp;
      };
      document.addEventListener("click", click, { capture: true, once: true });
      bench.rested = new Promise((done) => {
        new MutationObserver((_, observer) => {
          if (document.querySelectorAll(ROWS).length <= before) return;
          observer.disconnect();
          requestAnimationFrame(() => done(performance.now() - clicked));
        }).observe(document.body, { childList: true, subtree: true });
      });
    },

    cancel: () => {
      const buttons = [...bench.element("open-orders").querySelectorAll("tbody button")];
      buttons.find((each) => /^cancel/i.test(each.getAttribute("aria-label") ?? each.textContent)).click();
    },

    orders: () => document.querySelectorAll(ROWS).length,

    element: (testid) => document.querySelector(`[data-testid="${testid}"]`),

    named: (text) => [...document.querySelectorAll("button")].find((each) => each.textContent.trim() === text),

    type: (testid, text) => {
      const input = bench.element(testid);
      input.value = text;
      input.dispatchEvent(new Event("input", { bubbles: true }));
    },
  };
}
