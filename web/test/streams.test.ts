// The line of market data: what it does where nothing opens, and where a handler fails.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import type { Told } from "../src/net/gathering.worker.ts";
import { Streams } from "../src/net/streams.ts";

/** The thread that has the socket: the test says what comes of it. */
class Thread {
  static made: Thread[] = [];
  onmessage: (told: { data: Told }) => void = () => assert.fail("nobody listens");
  isOver = false;
  constructor() {
    Thread.made.push(this);
  }
  postMessage(): void {}
  terminate(): void {
    this.isOver = true;
  }
  tell(told: Told): void {
    this.onmessage({ data: told });
  }
}

const bugs: unknown[] = [];
const listens = { addEventListener: () => {} };
Object.assign(globalThis, {
  Worker: Thread,
  window: Object.assign(globalThis, listens),
  document: listens,
  reportError: (error: unknown) => bugs.push(error),
});
let nowMs = 0;
mock.timers.enable({ apis: ["setInterval", "setTimeout"] });
mock.method(performance, "now", () => nowMs);

function pass(ms: number): void {
  for (let step = 0; step < ms; step += 100) {
    nowMs += 100;
    mock.timers.tick(100);
  }
}

test("a line that does not open is given up after some seconds, and another one tried", () => {
  const streams = new Streams("ws://venue.example/stream");
  streams.start();
  pass(5_900);
  assert.equal(Thread.made.length, 1);
  pass(5_000);
  assert.equal(Thread.made[0]?.isOver, true);
  assert.equal(Thread.made.length, 2);
  assert.equal(streams.line.value, "reconnecting");
  Thread.made[1]?.tell({ is: "open" });
  Thread.made[1]?.tell({ is: "messages", json: '[{"id":1}]' });
  assert.equal(streams.line.value, "live");
});

test("a handler with a bug keeps nothing from the others", () => {
  const streams = new Streams("ws://venue.example/stream");
  const heard: unknown[] = [];
  const bug = new Error("a bug");
  streams.subscribe(
    "a",
    () => {
      throw bug;
    },
    () => {},
  );
  streams.subscribe(
    "b",
    (message) => heard.push(message),
    () => {},
  );
  streams.start();
  const thread = Thread.made.at(-1);
  thread?.tell({ is: "open" });
  thread?.tell({ is: "messages", json: '[{"stream":"a","data":1},{"stream":"b","data":2}]' });
  assert.deepEqual(heard, [2]);
  assert.deepEqual(bugs, [bug]);
});
