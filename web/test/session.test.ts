// A session of the page: what becomes of it when answers cross each other, or don't come.
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { NoAnswer, Problem } from "../src/net/http.ts";
import { call, logIn, logOut, person, refresh, state } from "../src/net/session.ts";

interface Asked {
  path: string;
  answer: (status: number, body: object) => void;
}

mock.timers.enable({ apis: ["setTimeout"] });
const asked: Asked[] = [];
Object.assign(globalThis, {
  window: globalThis,
  fetch: (path: string) =>
    new Promise((done) => {
      asked.push({ path, answer: (status, body) => done(new Response(JSON.stringify(body), { status })) });
    }),
});

/** What the page asks next. It comes soon, or the test is wrong. */
async function next(path: string): Promise<Asked> {
  for (let turn = 0; asked.length === 0 && turn < 100; turn++) await settled();
  const first = asked.shift();
  assert.equal(first?.path, path);
  return first as Asked;
}

const settled = () => new Promise((done) => setImmediate(done));
const refused = (code: string) => ({ code, detail: "No." });
const access = (name: string, account: number) => ({
  access_token: `of ${name}`,
  expires_in: 600,
  account,
  name,
  role: "trader",
});

async function enter(name: string, account: number): Promise<void> {
  const entered = logIn(name, "secret", "");
  (await next("/v1/auth/login")).answer(200, access(name, account));
  await entered;
}

test("a login waits for the refresh on its way, whose refusal ends nothing of it", async () => {
  const refreshed = refresh();
  const entered = logIn("ANN", "secret", "");
  const late = await next("/v1/auth/refresh");
  await settled();
  assert.equal(asked.length, 0);
  late.answer(401, refused("SESSION_ENDED"));
  assert.equal(await refreshed, false);
  (await next("/v1/auth/login")).answer(200, access("ANN", 1));
  await entered;
  assert.equal(state.value, "somebody");
});

test("who logs out while another token is on its way does so behind it, and stays away", async () => {
  const refreshed = refresh();
  const first = await next("/v1/auth/refresh");
  const left = logOut();
  await settled();
  assert.equal(asked.length, 0);
  first.answer(200, access("ANN", 1));
  assert.equal(await refreshed, true);
  (await next("/v1/auth/logout")).answer(200, {});
  await left;
  assert.equal(person.value, null);
  assert.equal(state.value, "nobody");
});

test("a session whose refresh finds the venue away is not over", async () => {
  await enter("ANN", 1);
  const came = call("/v1/account/balances");
  (await next("/v1/account/balances")).answer(401, refused("SESSION_ENDED"));
  (await next("/v1/auth/refresh")).answer(503, refused("SESSIONS_AWAY"));
  await assert.rejects(came, NoAnswer);
  assert.equal(state.value, "somebody");
  const again = call<{ all: string }>("/v1/account/balances");
  (await next("/v1/account/balances")).answer(401, refused("SESSION_ENDED"));
  (await next("/v1/auth/refresh")).answer(200, access("ANN", 1));
  (await next("/v1/account/balances")).answer(200, { all: "there" });
  assert.deepEqual(await again, { all: "there" });
});

test("a log-out that the venue refuses is none", async () => {
  const left = logOut();
  (await next("/v1/auth/logout")).answer(429, refused("TOO_MANY_REQUESTS"));
  await assert.rejects(left, Problem);
  assert.equal(person.value?.name, "ANN");
});

test("a login that others keep waiting for too long is told so", async () => {
  const timeout = mock.method(AbortSignal, "timeout", () => AbortSignal.abort());
  await assert.rejects(logIn("ANN", "secret", ""), NoAnswer);
  assert.equal(await refresh(), false);
  timeout.mock.restore();
  assert.equal(asked.length, 0);
  assert.equal(state.value, "somebody");
});
