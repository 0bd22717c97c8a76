// A market on a slow network: answers come late, in the order that the test chooses, while the line tells what happens.
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { Clock } from "../src/market/clock.ts";
import { Market } from "../src/market/market.ts";
import type { Asked, Told } from "../src/net/gathering.worker.ts";
import { Streams } from "../src/net/streams.ts";
import { BTC } from "./support.ts";

/** The thread that has the socket: the test says what comes of it. */
class Thread {
  static last: Thread;
  readonly subscribed = new Set<string>();
  onmessage: (told: { data: Told }) => void = () => assert.fail("nobody listens");
  constructor() {
    Thread.last = this;
  }
  postMessage(asked: Asked): void {
    if (!("send" in asked)) return;
    const { method, params } = JSON.parse(asked.send) as { method: string; params: string[] };
    for (const name of params) {
      if (method === "SUBSCRIBE") this.subscribed.add(name);
      if (method === "UNSUBSCRIBE") this.subscribed.delete(name);
    }
  }
  terminate(): void {}
  open(): void {
    this.onmessage({ data: { is: "open" } });
  }
  tell(stream: string, data: unknown): void {
    this.onmessage({ data: { is: "messages", json: JSON.stringify([{ stream: `btcusdt@${stream}`, data }]) } });
  }
}

const listens = { addEventListener: () => {} };
Object.assign(globalThis, { Worker: Thread, window: Object.assign(globalThis, listens), document: listens });

interface Question {
  path: string;
  answer: (told: unknown) => Promise<void>;
}

let questions: Question[] = [];
let market: Market;

/** The oldest question of this kind that has no answer yet. */
function asked(kind: string): Question {
  const place = questions.findIndex(({ path }) => path.startsWith(`/api/v3/${kind}?`));
  const [found] = questions.splice(place, 1);
  assert.ok(place >= 0 && found !== undefined, `nobody asks for ${kind}`);
  return found;
}

beforeEach(() => {
  mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
  questions = [];
  mock.method(globalThis, "fetch", (path: string) => {
    return new Promise<Response>((resolve) => {
      const answer = async (told: unknown) => {
        resolve(new Response(JSON.stringify(told)));
        await settled();
      };
      questions.push({ path, answer });
    });
  });
  const streams = new Streams("ws://venue.example/stream");
  streams.start();
  market = new Market(BTC, streams, new Clock());
});

afterEach(() => {
  market.close();
  mock.timers.reset();
});

const best = () => market.book.bids.best(1)[0]?.[1];

test("the answer to a question that was asked twice does not take the book back", async () => {
  market.open();
  const first = asked("depth");
  Thread.last.open(); // so the book is asked for again
  await first.answer({ lastUpdateId: 4, bids: [["1.00", "0.0001"]], asks: [] });
  const second = asked("depth");
  const differs = (U: number, q: string) => Thread.last.tell("depth@100ms", { E: 1, U, u: U, b: [["1.00", q]], a: [] });
  differs(5, "0.0002");
  differs(6, "0.0003");
  await second.answer({ lastUpdateId: 5, bids: [["1.00", "0.0002"]], asks: [] });
  assert.deepEqual([market.book.updateId, best()], [6, 3n]);
  differs(7, "0.0004");
  assert.deepEqual([market.book.isWhole, best()], [true, 4n]);
});

test("a candle that closes while history is on its way keeps its volume", async () => {
  market.open();
  Thread.last.open();
  const showing = market.show("1s");
  asked("klines"); // of who chooses an interval: it has no answer yet
  const history = asked("klines");
  const tells = (t: number, v: string) => Thread.last.tell("kline_1s", { k: { t, o: "1", h: "1", l: "1", c: "1", v } });
  tells(1000, "10");
  tells(2000, "1");
  await history.answer([
    [0, "1", "1", "1", "1", "7"],
    [1000, "1", "1", "1", "1", "4"],
  ]);
  await showing;
  assert.deepEqual(
    market.candles.all.map(({ volume }) => volume),
    [7, 10, 1],
  );
});

test("corrections while the line was away are on the tape when it is back", async () => {
  const row = (id: number, price: string) => ({ id, price, qty: "1", time: id, isBuyerMaker: false });
  market.open();
  await asked("trades").answer([row(1, "9"), row(2, "9"), row(3, "9")]);
  Thread.last.open();
  await asked("trades").answer([row(1, "8")]);
  Thread.last.tell("correction", { t: 1, p: "9", n: "8" }); // the last of three
  assert.deepEqual(
    market.tape.trades.map(({ price, corrected }) => [price, corrected]),
    [
      ["9", "undone"],
      ["9", "undone"],
      ["9", "8"],
    ],
  );
});

test("who leaves a market before its interval is chosen leaves all of its streams", async () => {
  market.open();
  Thread.last.open();
  const history = asked("klines");
  market.close();
  const candle = (place: number) => [1000 * place, "1", "1", "1", "1", "1"];
  await history.answer(Array.from({ length: 120 }, (_, place) => candle(place)));
  assert.deepEqual([...Thread.last.subscribed], []);
  assert.equal(market.interval.value, null);
});
