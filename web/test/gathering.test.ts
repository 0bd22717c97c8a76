// The thread that gathers: nothing is told before the last was taken, and what waits is bounded.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Asked, Told } from "../src/net/gathering.worker.ts";

/** A network without a peer: the test says what comes. */
class Line {
  static last: Line;
  isClosed = false;
  onopen = () => {};
  onmessage = (_: { data: string }) => {};
  onclose = () => {};

  constructor() {
    Line.last = this;
  }

  close(): void {
    this.isClosed = true;
    this.onclose();
  }
}

const told: Told[] = [];
const thread = {
  postMessage: (what: Told) => told.push(what),
  setTimeout: (task: () => void) => setTimeout(task),
  onmessage: (_: { data: Asked }) => {},
};
Object.assign(globalThis, { self: thread, WebSocket: Line });
await import("../src/net/gathering.worker.ts");
const ask = (data: Asked) => thread.onmessage({ data });
const aMoment = () => new Promise((done) => setTimeout(done, 5));

test("what comes waits until the page has taken the last, and is told together", async () => {
  ask({ open: "ws://venue/stream" });
  Line.last.onopen();
  Line.last.onmessage({ data: "1" });
  await aMoment();
  for (const data of ["2", "3"]) Line.last.onmessage({ data });
  await aMoment();
  assert.deepEqual(told, [{ is: "open" }, { is: "messages", json: "[1]" }]);
  ask({ taken: true });
  await aMoment();
  assert.deepEqual(told.at(-1), { is: "messages", json: "[2,3]" });
});

test("a page that takes nothing has its line ended before the memory is full", async () => {
  const megabyte = `"${"x".repeat((1 << 20) - 2)}"`;
  for (let count = 0; count < 16; count += 1) Line.last.onmessage({ data: megabyte });
  assert.equal(Line.last.isClosed, false);
  Line.last.onmessage({ data: megabyte });
  assert.equal(Line.last.isClosed, true);
  assert.deepEqual(told.at(-1), { is: "closed" });
});
