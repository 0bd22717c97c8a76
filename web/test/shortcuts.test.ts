import assert from "node:assert/strict";
import { test } from "node:test";
import { Pressed, SHORTCUTS } from "../src/help/shortcuts.ts";

function after(...keys: [string, number][]): (string | undefined)[] {
  const pressed = new Pressed();
  return keys.map(([key, at]) => pressed.take(key, at)?.keys);
}

test("one key is enough, or two after each other", () => {
  assert.deepEqual(after(["b", 0], ["?", 1]), ["b", "?"]);
  assert.deepEqual(after(["g", 0], ["p", 1000]), [undefined, "g p"]);
  assert.deepEqual(after(["g", 0], ["g", 100], ["m", 200]), [undefined, undefined, "g m"]);
});

test("a second key that comes late, or leads nowhere, does not do what it does with another", () => {
  assert.deepEqual(after(["g", 0], ["p", 5000]), [undefined, "p"]);
  assert.deepEqual(after(["g", 0], ["b", 100], ["b", 200]), [undefined, undefined, "b"]);
  assert.deepEqual(after(["x", 0], ["p", 100]), [undefined, "p"]);
});

test("no keys are there twice, and none begins with all of another", () => {
  const keys = SHORTCUTS.map((each) => each.keys);
  assert.equal(new Set(keys).size, keys.length);
  for (const one of keys) assert.ok(!keys.some((other) => other.startsWith(`${one} `)), one);
});
