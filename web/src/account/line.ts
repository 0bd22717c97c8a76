// The line to /v1/stream: it logs in by its first message, goes on where it was, and ends with its session.
import { signal } from "@preact/signals";
import { person, refresh, state, tokenNow } from "../net/session.ts";
import { Own, type Told } from "./own.ts";

const CHANNELS = ["withdrawals", "account", "orders", "balances"]; // in the order of their images
const LEAST_WAIT_MS = 250;
const MOST_WAIT_MS = 5_000;
const SILENT_MS = 5_000; // a heartbeat comes each second

interface Answer {
  id: string;
  result?: unknown;
  error?: { code: string; detail: string };
}

export const own = new Own();
/** Whether what is one's own is here, and live. */
export const isLive = signal(false);
let isSubscribed = false;
let socket: WebSocket | null = null;
let waitMs = LEAST_WAIT_MS;
let retry = 0;
let watch = 0;
let heardAt = 0;

/** Connect, while somebody is logged in. */
export function start(): void {
  if (socket !== null) return;
  const made = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/v1/stream`);
  socket = made;
  heardAt = performance.now(); // a slow network takes its time to open it, too
  made.onopen = () => {
    heardAt = performance.now();
    say("login", { token: tokenNow() });
  };
  made.onmessage = ({ data }) => {
    heardAt = performance.now();
    received(JSON.parse(data));
  };
  made.onclose = () => {
    if (socket === made) lost();
  };
  clearInterval(watch);
  watch = window.setInterval(() => {
    if (performance.now() - heardAt <= SILENT_MS) return;
    made.close(); // a browser waits long for the other side of a dead line to agree
    if (socket === made) lost();
  }, 1_000);
}

/** Nobody is logged in any more. */
export function stop(): void {
  clearTimeout(retry);
  clearInterval(watch);
  const before = socket;
  socket = null;
  before?.close();
  isSubscribed = isLive.value = false;
  own.reset();
}

function say(method: string, more: object): void {
  socket?.send(JSON.stringify({ method, id: method, ...more }));
}

function received(message: Told | Answer): void {
  if (!("channel" in message)) answered(message);
  else if (message.channel === "session") void ended(message.code ?? "");
  else take(message);
}

function take(message: Told): void {
  own.take(message);
  if (isSubscribed) whole();
  const now = person.peek();
  if (message.channel === "account" && message.role !== undefined && now !== null) {
    person.value = { ...now, role: message.role }; // a right is lost, or there is one more
  }
}

function answered({ id, error }: Answer): void {
  if (error === undefined) {
    if (id === "login" && !isSubscribed) subscribe();
    if (id !== "subscribe") return;
    isSubscribed = true;
    whole();
  } else if (error.code === "TOO_OLD" || error.code === "AHEAD") {
    own.position = null;
    subscribe();
  } else {
    void ended(error.code);
  }
}

function whole(): void {
  if (!own.isWhole.peek()) return; // images are on their way
  isLive.value = true;
  waitMs = LEAST_WAIT_MS;
}

function subscribe(): void {
  if (own.position !== null) {
    say("subscribe", { channels: CHANNELS, resume: own.position });
    return;
  }
  own.reset(); // images that broke off begin anew
  say("subscribe", { channels: CHANNELS });
}

/** The token or the session is over: with another token it goes on. */
async function ended(code: string): Promise<void> {
  if (code !== "TOKEN_EXPIRED" && code !== "SESSION_ENDED") {
    socket?.close(); // the venue is busy: another time
    return;
  }
  const asked = socket;
  if (await refresh()) {
    if (socket === asked) say("login", { token: tokenNow() }); // else somebody else is here, with a line of his own
  } else if (state.peek() !== "somebody") stop();
}

function lost(): void {
  socket = null;
  clearInterval(watch);
  isSubscribed = isLive.value = false;
  if (state.peek() !== "somebody") return;
  retry = window.setTimeout(start, waitMs * (0.5 + Math.random() / 2));
  waitMs = Math.min(2 * waitMs, MOST_WAIT_MS);
}
