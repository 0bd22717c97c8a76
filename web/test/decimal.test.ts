import assert from "node:assert/strict";
import { test } from "node:test";
import {
  decimalsOf,
  difference,
  explain,
  format,
  grouped,
  parse,
  read,
  signed,
  trimmed,
} from "../src/number/decimal.ts";
import { chance } from "./support.ts";

test("a number comes back as it was written", () => {
  const draw = chance();
  for (let i = 0; i < 10_000; i++) {
    const scale = draw.below(19);
    const units = BigInt(draw.below(2 ** 31)) * BigInt(draw.below(2 ** 31)) * (draw.below(2) ? 1n : -1n);
    assert.equal(parse(format(units, scale), scale), units);
    assert.equal(parse(format(units, scale, 0), scale), units);
  }
});

test("nothing is a float on its way", () => {
  assert.equal(format(parse("1.03", 2), 2), "1.03");
  assert.equal(format(parse("0.1", 18) + parse("0.2", 18), 18, 0), "0.3");
  assert.equal(format(parse("9007199254740993.000000000000000001", 18), 18), "9007199254740993.000000000000000001");
  assert.equal(format(5n, 8), "0.00000005");
  assert.equal(format(-5n, 1), "-0.5");
  assert.equal(format(7n, 0), "7");
});

test("what the venue never writes is no number", () => {
  for (const text of ["", "-", ".", "1e5", "NaN", "0x10", "1,5", " 1", "1.2.3", "+1"]) {
    assert.throws(() => parse(text, 8), RangeError, text);
  }
  assert.throws(() => parse("0.123", 2), RangeError);
  assert.equal(parse("0.1200", 2), 12n);
});

test("what a person typed is read exactly, or what is wrong with it is said", () => {
  assert.deepEqual(read(" 60000.5 ", 2), { units: 6000050n });
  assert.deepEqual(read(".5", 1), { units: 5n });
  assert.deepEqual(read("5.", 1), { units: 50n });
  assert.deepEqual(read("1.500", 1), { units: 15n });
  assert.deepEqual(read("", 2), { wrong: "empty" });
  assert.deepEqual(read("1,5", 2), { wrong: "comma" });
  assert.deepEqual(read("1e3", 2), { wrong: "not-a-number" });
  assert.deepEqual(read("-1", 2), { wrong: "not-a-number" });
  assert.deepEqual(read("0.001", 2), { wrong: "too-many-decimals" });
  assert.deepEqual(read("0.03", 2, 5n), { wrong: "off-step" });
  assert.deepEqual(read("9".repeat(41), 2), { wrong: "too-large" });
  assert.deepEqual(read("\u202e1", 2), { wrong: "not-a-number" });
  assert.equal(explain("too-many-decimals", 2, "0.01"), "At most 2 decimals.");
});

test("people see thousands", () => {
  assert.equal(grouped("1234567.89"), "1\u202f234\u202f567.89");
  assert.equal(grouped("-999"), "-999");
  assert.equal(grouped("-1000"), "-1\u202f000");
  assert.equal(decimalsOf("0.0100"), 2);
  assert.equal(decimalsOf("10"), 0);
});

test("differences are exact, and gains have their sign", () => {
  assert.equal(difference("9007199254740993.1", "0.00000001"), "9007199254740993.09999999");
  assert.equal(difference("0.10", "0.3"), "-0.2");
  assert.equal(difference("5", "5.000"), "0");
  assert.equal(trimmed("12.50000000"), "12.50");
  assert.equal(trimmed("-0.00000100"), "-0.000001");
  assert.equal(trimmed("7"), "7.00");
  assert.equal(signed("1234.50"), "+1\u202f234.50");
  assert.equal(signed("-1234.50"), "-1\u202f234.50");
  assert.equal(signed("0.00"), "0.00");
});
