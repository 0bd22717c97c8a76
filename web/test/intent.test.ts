import assert from "node:assert/strict";
import { test } from "node:test";
import { ANOTHER_PERSON, NoAnswer, Problem, TOO_LATE } from "../src/net/http.ts";
import { carryOut, newId } from "../src/trade/intent.ts";
import { type Chance, chance } from "./support.ts";

/** A venue behind a network that loses requests and answers; it takes an id once. */
class Venue {
  readonly taken: string[] = [];
  readonly burnt = new Set<string>(); // refused in the log: such an id is used up
  now = 0;
  private late: { at: number; id: string }[] = [];
  private readonly draw: Chance;
  private readonly lossPercent: number;

  constructor(draw: Chance, lossPercent: number) {
    this.draw = draw;
    this.lossPercent = lossPercent;
  }

  private isLost(): boolean {
    return this.draw.below(100) < this.lossPercent;
  }

  private arrives(id: string): void {
    if (!this.taken.includes(id) && !this.burnt.has(id)) this.taken.push(id);
  }

  private pass(): void {
    this.now += 1 + this.draw.below(500);
    for (const { id } of this.late.filter(({ at }) => at <= this.now)) this.arrives(id);
    this.late = this.late.filter(({ at }) => at > this.now);
  }

  ways(id: string) {
    return {
      send: async (isWanted: () => boolean): Promise<string> => {
        this.pass();
        if (!isWanted()) throw new Problem(408, TOO_LATE, "");
        if (this.isLost()) throw new NoAnswer();
        if (this.draw.below(10) === 0) {
          this.late.push({ at: this.now + this.draw.below(10_000), id }); // it is on its way
          throw this.draw.below(2) ? new Problem(504, "OUTCOME_UNKNOWN", "") : new Problem(502, "UNREADABLE", "");
        }
        if (this.draw.below(20) === 0) throw new Problem(400, "NO_CHANCE_OF_BALANCE", "", "quantity", 0, 15);
        const isKnown = this.taken.includes(id) || this.burnt.has(id);
        if (!isKnown && this.draw.below(20) === 0) {
          this.burnt.add(id);
          if (this.isLost()) throw new NoAnswer();
          throw new Problem(400, "INSUFFICIENT_BALANCE", "", undefined, 0, 102);
        }
        this.arrives(id);
        if (this.isLost()) throw new NoAnswer();
        if (isKnown) throw new Problem(400, "DUPLICATE_CLIENT_ID", "", "client_order_id", 0, 100);
        return id;
      },
      find: async (): Promise<string> => {
        this.pass();
        if (this.isLost()) throw new NoAnswer();
        if (!this.taken.includes(id)) throw new Problem(404, "NOT_FOUND", "");
        return id;
      },
      wait: async (ms: number) => {
        this.now += ms;
        this.pass();
      },
      now: () => this.now,
      date: () => this.now,
      tell: () => {},
    };
  }
}

test("what a person is told is what the venue has, and it has each intent once, whatever is lost", async () => {
  const draw = chance();
  const outcomes = { placed: 0, refused: 0, lost: 0 };
  for (let i = 0; i < 3_000; i++) {
    const venue = new Venue(draw, draw.below(4) === 0 ? 95 : draw.below(60));
    const outcome = await carryOut(venue.ways("x"));
    outcomes[outcome.what] += 1;
    venue.now += 60_000;
    await venue.ways("y").wait(0);
    if (outcome.what === "placed")
      assert.deepEqual(
        venue.taken.filter((id) => id === "x"),
        ["x"],
      );
    if (outcome.what !== "placed") assert.ok(!venue.taken.includes("x"), outcome.what);
  }
  assert.ok(outcomes.placed > 1_000 && outcomes.refused > 50 && outcomes.lost > 10, JSON.stringify(outcomes));
});

test("a duplicate that was not sent before is somebody else's, and said", async () => {
  const ways = {
    ...new Venue(chance(), 0).ways("x"),
    send: async () => {
      throw new Problem(400, "DUPLICATE_CLIENT_ID", "");
    },
  };
  assert.equal((await carryOut(ways)).what, "refused");
});

test("ids differ", () => {
  assert.equal(new Set(Array.from({ length: 1000 }, newId)).size, 1000);
  assert.match(newId(), /^w[0-9a-f]{24}$/);
});

test("what another person must not send again ends, as nobody here hears more of it", async () => {
  for (const isFound of [true, false]) {
    let sends = 0;
    const gone = async () => {
      throw new Problem(401, ANOTHER_PERSON, "");
    };
    const outcome = await carryOut({
      send: async () => (sends++ === 0 ? Promise.reject(new NoAnswer()) : gone()),
      find: async () => (isFound ? Promise.reject(new Problem(404, "NOT_FOUND", "")) : gone()),
      wait: async () => {},
      now: () => 0,
      date: () => 0,
      tell: () => {},
    });
    assert.equal(outcome.what, "refused");
    assert.equal(sends, isFound ? 2 : 1);
  }
});

/** A network that answers nothing but that the order is not there; each wait adds to the two clocks. */
async function tried(passed: (wait: number) => { awakeMs: number; wallMs: number }) {
  let [now, date, waits, sends, lastAt] = [0, 1_000_000, 0, 0, 0];
  const outcome = await carryOut({
    send: async (isWanted) => {
      assert.ok(isWanted());
      sends++;
      lastAt = now;
      throw new NoAnswer();
    },
    find: async () => {
      throw new Problem(404, "NOT_FOUND", "");
    },
    wait: async () => {
      const { awakeMs, wallMs } = passed(++waits);
      now += awakeMs;
      date += wallMs;
    },
    now: () => now,
    date: () => date,
    tell: () => {},
  });
  return { what: outcome.what, sends, settledMs: now - lastAt };
}

test("a wish of before the computer slept is not sent again, also where its clock was set back then", async () => {
  const HOUR_MS = 3_600_000;
  const slept = await tried((wait) => ({ awakeMs: 1_000, wallMs: wait === 1 ? HOUR_MS : 1_000 }));
  assert.equal(slept.sends, 1);
  const setBack = await tried((wait) => ({
    awakeMs: 1_000,
    wallMs: wait === 1 ? -HOUR_MS : wait === 2 ? HOUR_MS : 1_000,
  }));
  assert.equal(setBack.sends, 2);
  const awake = await tried((wait) => ({ awakeMs: 1_000, wallMs: wait === 1 ? -HOUR_MS : 1_000 }));
  assert.equal(awake.sends, 20);
  for (const { what, settledMs } of [slept, setBack, awake]) {
    assert.equal(what, "lost");
    assert.ok(settledMs > 15_000, "a clock that was set forward says nothing of when an order may still come");
  }
});

test("how long ago it was sent counts from when it was, where a login had to be renewed first", async () => {
  let now = 0;
  let sends = 0;
  const outcome = await carryOut({
    send: async (isWanted) => {
      sends += 1;
      if (sends === 1) now += 17_000;
      assert.ok(isWanted());
      if (sends === 1) throw new NoAnswer();
      return "there";
    },
    find: async () => {
      throw new Problem(404, "NOT_FOUND", ""); // it may be on its way: it was sent a moment ago
    },
    wait: async (ms) => {
      now += ms;
    },
    now: () => now,
    date: () => now,
    tell: () => {},
  });
  assert.deepEqual(outcome, { what: "placed", order: "there" });
});
