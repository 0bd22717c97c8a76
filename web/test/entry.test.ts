import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { TOO_LATE } from "../src/net/http.ts";
import { begin } from "../src/net/session.ts";
import { place } from "../src/trade/entry.ts";
import type { Order } from "../src/trade/ticket.ts";

const ORDER = { symbol: "BTCUSDT", side: "buy", type: "market", quantity: "1" } as unknown as Order;
const json = (status: number, body: object) => new Response(JSON.stringify(body), { status });

/** Clocks that go as they are told to; each wait takes what `asleepMs` says, of which one clock knows nothing. */
function clocks(asleepMs: () => number): void {
  let [now, date] = [0, 1_000_000];
  mock.method(performance, "now", () => now);
  mock.method(Date, "now", () => date);
  mock.method(globalThis, "setTimeout", (task: () => void, ms: number) => {
    now += ms;
    date += ms + asleepMs();
    queueMicrotask(task);
  });
}

test("an order that was lost before the computer slept is asked about, and not sent again", async (t) => {
  t.after(() => mock.restoreAll());
  clocks(() => 3_600_000);
  const asked: string[] = [];
  mock.method(globalThis, "fetch", async (path: string, { method }: RequestInit) => {
    asked.push(method ?? "");
    if (method === "POST") throw new TypeError("no network");
    return json(404, { code: "NOT_FOUND", detail: path });
  });
  assert.equal((await place("one", [ORDER], undefined, () => {})).what, "lost");
  assert.equal(asked.filter((method) => method === "POST").length, 1);
});

test("an order whose login was renewed while the computer slept is not sent any more", async (t) => {
  t.after(() => mock.restoreAll());
  let date = 1_000_000;
  mock.method(Date, "now", () => date);
  mock.method(globalThis, "setTimeout", () => 0);
  Object.assign(globalThis, { window: globalThis });
  const asked: string[] = [];
  mock.method(globalThis, "fetch", async (path: string) => {
    asked.push(path);
    if (path === "/v1/orders") return json(401, { code: "SESSION_ENDED", detail: "" });
    if (asked.length > 1) date += 3_600_000;
    return json(200, { access_token: "t", account: 1, name: "n", role: "trader", expires_in: 900 });
  });
  await begin();
  const outcome = await place("one", [ORDER], undefined, () => {});
  assert.deepEqual(asked, ["/v1/auth/refresh", "/v1/orders", "/v1/auth/refresh"]);
  assert.ok(outcome.what === "refused" && outcome.problem.code === TOO_LATE);
});

test("an order says until when the venue may take it, each time it is sent", async (t) => {
  t.after(() => mock.restoreAll());
  clocks(() => 0);
  const sent: (number | undefined)[] = [];
  mock.method(globalThis, "fetch", async (_: string, { method, body }: RequestInit) => {
    if (method !== "POST") return json(404, { code: "NOT_FOUND", detail: "" });
    sent.push((JSON.parse(body as string) as { valid_until?: number }).valid_until);
    throw new TypeError("no network");
  });
  await place("one", [ORDER], 1_700_000_020_000, () => {});
  assert.ok(sent.length > 1);
  assert.deepEqual([...new Set(sent)], [1_700_000_020_000]);
});
