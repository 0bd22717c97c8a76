// Who is logged in. The access token is here in memory alone; the refresh token is in a cookie that no script reads.
//
// Tabs share the cookie, which is good once: only one of them uses it at a time.
import { signal } from "@preact/signals";
import { ANOTHER_PERSON, type Asked, ask, file, NoAnswer, PATIENCE_MS, Problem } from "./http.ts";
import type { Access } from "./v1.ts";

export interface Person {
  account: number;
  name: string;
  role: string;
}

/** Nobody knows yet; nobody; somebody; somebody whose session has ended, and whose forms wait for him. */
export type State = "asking" | "nobody" | "somebody" | "ended";

export const state = signal<State>("asking");
export const person = signal<Person | null>(null);
/** A proof is wanted before something is done: `done` goes on, or gives up. */
export const proofWanted = signal<{ done: (isProved: boolean) => void } | null>(null);

const LOCK = "lockstep-refresh";
const NOT_SENT = "It was not sent again: who began it is no longer logged in here, and sees there what became of it.";
const EARLY_S = 60; // before a token ends, another one is fetched
const AWAY_MS = 5_000; // from one try to the next, while the venue is away
let token = "";
let timer = 0;
let refreshing: Promise<boolean> | null = null;
let proving: Promise<boolean> | null = null;
let lastAlone: Promise<unknown> = Promise.resolve();

function granted(access: Access): void {
  // The cookie is all tabs': another one may have logged somebody else in. Nothing of who was here is shown to him.
  if (person.peek() !== null && person.peek()?.account !== access.account) gone();
  token = access.access_token;
  person.value = { account: access.account, name: access.name, role: access.role };
  state.value = "somebody";
  clearTimeout(timer);
  timer = window.setTimeout(() => void refresh(), (access.expires_in - EARLY_S) * 1000);
}

function over(): void {
  token = "";
  clearTimeout(timer);
  state.value = person.peek() === null ? "nobody" : "ended";
}

/** Nobody is here any more. */
function gone(): void {
  person.value = null;
  over();
}

/** Who this browser's cookie is of, if it has one. */
export async function begin(): Promise<void> {
  await refresh();
}

/** Another access token by the cookie; whether there is one. */
export function refresh(): Promise<boolean> {
  refreshing ??= refreshed().finally(() => {
    refreshing = null;
  });
  return refreshing;
}

async function refreshed(): Promise<boolean> {
  try {
    await alone(async () => granted(await ask<Access>("/v1/auth/refresh", { method: "POST" })));
    return true;
  } catch (error) {
    if (error instanceof Problem && error.status === 401) {
      over();
      return false;
    }
    if (!(error instanceof Problem || error instanceof NoAnswer)) throw error;
    if (state.peek() === "asking") state.value = "nobody";
    clearTimeout(timer);
    timer = window.setTimeout(() => void refresh(), AWAY_MS); // the venue is away: this session is not over for that
    return false;
  }
}

/** One after the other, whatever gives the browser another cookie: of two answers the later one's would stay. NoAnswer:
 * others, which wait for the venue, were before this one for too long. */
async function alone<T>(task: () => Promise<T>): Promise<T> {
  if ("locks" in navigator) {
    let isBegun = false;
    const begin = () => {
      isBegun = true;
      return task();
    };
    try {
      return await navigator.locks.request(LOCK, { signal: AbortSignal.timeout(PATIENCE_MS) }, begin);
    } catch (error) {
      throw isBegun ? error : new NoAnswer("The venue does not answer.");
    }
  }
  const mine = lastAlone.then(task); // a page that came without TLS has no locks: at least its own go one by one
  lastAlone = mine.catch(() => {});
  return mine;
}

/** Problem, NoAnswer. */
export function logIn(name: string, password: string, code: string): Promise<void> {
  const body = { name, password, code };
  return alone(async () => granted(await ask<Access>("/v1/auth/login", { method: "POST", body })));
}

/** Problem, NoAnswer. */
export async function register(name: string, password: string): Promise<string> {
  return (await ask<{ status: string }>("/v1/auth/register", { method: "POST", body: { name, password } })).status;
}

/** Problem, NoAnswer: the session may go on. */
export async function logOut(): Promise<void> {
  try {
    await authorised((now) => alone(() => ask("/v1/auth/logout", { method: "POST", token: now })));
  } catch (error) {
    if (!(error instanceof Problem && error.status === 401)) throw error; // else it was over already
  }
  gone();
}

/** Prove again who this is. Problem, NoAnswer. */
export async function stepUp(secret: { password?: string; code?: string }): Promise<void> {
  await renewed("/v1/auth/step-up", secret);
}

/** Take another password; all other sessions end. Problem, NoAnswer. */
export async function changePassword(current: string, password: string): Promise<void> {
  await renewed("/v1/auth/password", { current, password });
}

/** What is answered with another token and another cookie. A refresh on the way needs the lock that this one has. */
async function renewed(path: string, body: object): Promise<void> {
  const send = () => alone(async () => granted(await ask<Access>(path, { method: "POST", body, token })));
  try {
    await send();
  } catch (error) {
    if (!(error instanceof Problem && error.code === "SESSION_ENDED" && (await refresh()))) throw error;
    await send();
  }
}

/** A request as who is logged in: with a fresh token, and a proof, where these are wanted. Problem, NoAnswer. */
export function call<T>(path: string, asked: Asked = {}): Promise<T> {
  return authorised((now) => ask<T>(path, { ...asked, token: now }));
}

/** A file, as who is logged in. Problem, NoAnswer. */
export function fetchFile(path: string, signal: AbortSignal): Promise<{ body: Blob; name: string }> {
  return authorised((now) => file(path, now, signal));
}

/** Requests as `call` makes them, by who is logged in now and nobody else: he may be asked to log in meanwhile. */
export function callsOfOne(): typeof call {
  const who = person.peek()?.account;
  return <T>(path: string, asked: Asked = {}) => authorised((now) => ask<T>(path, { ...asked, token: now }), who);
}

async function authorised<T>(request: (now: string) => Promise<T>, who = person.peek()?.account): Promise<T> {
  const send = () => {
    if (person.peek()?.account !== who) throw new Problem(401, ANOTHER_PERSON, NOT_SENT);
    return request(token);
  };
  try {
    return await send();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    if (error.code === "SESSION_ENDED") {
      if (await refresh()) return await send();
      if (state.peek() === "somebody") throw new NoAnswer("The venue can't say now who is logged in.");
    }
    if (error.code === "PROOF_NEEDED" && (await proved())) return await send();
    throw error;
  }
}

/** The token as it is now, for the first message of a socket. */
export function tokenNow(): string {
  return token;
}

/** Ask the person to prove again who it is, once for all that want it; whether that was done. */
function proved(): Promise<boolean> {
  proving ??= new Promise((done) => {
    proofWanted.value = {
      done: (isProved) => {
        proving = null;
        proofWanted.value = null;
        done(isProved);
      },
    };
  });
  return proving;
}
