// One intent of a person is one order: it has one client order id, under which it is sent, asked about and sent again
// until what came of it is known. It knows neither the page nor the network.
import { ANOTHER_PERSON, NoAnswer, Problem } from "../net/http.ts";

/** What became of it. `lost`: it never reached the venue, and no longer will. */
export type Outcome<T> = { what: "placed"; order: T } | { what: "refused"; problem: Problem } | { what: "lost" };

/** What the person is told meanwhile. */
export type Stage = "sent" | "asking";

export interface Ways<T> {
  /** Send it, under its id, if it is wanted when its turn comes. Problem, NoAnswer. */
  send(isWanted: () => boolean): Promise<T>;
  /** What the venue has under its id. Problem (404 where it has nothing), NoAnswer. */
  find(): Promise<T>;
  wait(ms: number): Promise<void>;
  /** In ms; it never runs ahead of time, but may stand still while the computer sleeps. */
  now(): number;
  /** In ms; it goes on then, but may be set. */
  date(): number;
  tell(stage: Stage): void;
}

export const RESEND_MS = 20_000; // so long after the click it is sent again; an older order is no longer wanted
const SETTLED_MS = 15_000; // after it was sent for the last time, what is not there will not come
const LEAST_WAIT_MS = 200;
const MOST_WAIT_MS = 3_000;

const FIRST_OF_ROUTER = 100; // codes from here on are in the log, where an id stands once

/** Whether a refusal leaves open what came of the request. */
export function isUnknown(problem: Problem): boolean {
  return problem.code === "UNREADABLE" || (problem.status >= 500 && problem.number === undefined);
}

/** Whether no more is heard of it here, also where it was sent before: what refuses by itself does not know of that. */
export function isLast({ code, number = 0 }: Problem): boolean {
  return code === ANOTHER_PERSON || (number >= FIRST_OF_ROUTER && code !== "DUPLICATE_CLIENT_ID");
}

/** Carry it out, whatever happens to connections on the way. */
export async function carryOut<T>(ways: Ways<T>): Promise<Outcome<T>> {
  const age = ageOf(ways);
  const isWanted = () => age() < RESEND_MS;
  let sentAt = ways.now();
  const isGoing = () => {
    sentAt = ways.now(); // a login that had to be renewed first took its time
    return isWanted();
  };
  let isSent = false; // before: it may have reached the venue
  let refusal: Problem | null = null; // of sending it again, which says nothing of the first time
  for (let waitMs = LEAST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, MOST_WAIT_MS)) {
    if (isSent) {
      ways.tell("asking");
      const found = await look(ways);
      if (found === "nothing" && ways.now() - sentAt > SETTLED_MS) {
        return refusal === null ? { what: "lost" } : { what: "refused", problem: refusal };
      }
      if (found !== "nothing" && found !== "unknown") return found;
    }
    if (refusal === null && isWanted()) {
      ways.tell("sent");
      const outcome = await sent(ways, isGoing);
      if (outcome === "unknown") isSent = true;
      else if (outcome.what !== "refused" || !isSent || isLast(outcome.problem)) return outcome;
      else if (outcome.problem.code !== "DUPLICATE_CLIENT_ID") refusal = outcome.problem;
    }
    await ways.wait(waitMs);
  }
}

/** How old a wish is, in ms: neither sleep nor a clock that is set back makes it younger. */
function ageOf<T>(ways: Ways<T>): () => number {
  let before = { now: ways.now(), date: ways.date() };
  let age = 0;
  return () => {
    const at = { now: ways.now(), date: ways.date() };
    age += Math.max(at.now - before.now, at.date - before.date);
    before = at;
    return age;
  };
}

async function sent<T>(ways: Ways<T>, isWanted: () => boolean): Promise<Outcome<T> | "unknown"> {
  try {
    return { what: "placed", order: await ways.send(isWanted) };
  } catch (error) {
    if (error instanceof NoAnswer) return "unknown";
    if (!(error instanceof Problem)) throw error;
    return isUnknown(error) ? "unknown" : { what: "refused", problem: error };
  }
}

async function look<T>(ways: Ways<T>): Promise<Outcome<T> | "nothing" | "unknown"> {
  try {
    return { what: "placed", order: await ways.find() };
  } catch (error) {
    if (error instanceof NoAnswer) return "unknown";
    if (!(error instanceof Problem)) throw error;
    if (error.code === ANOTHER_PERSON) return { what: "refused", problem: error };
    return error.status === 404 ? "nothing" : "unknown";
  }
}

/** A client order id that nobody else makes. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return `w${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
