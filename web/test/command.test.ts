import assert from "node:assert/strict";
import { test } from "node:test";
import {
  asked,
  type Command,
  confirmed,
  type Entry,
  outcomeOf,
  requestOf,
  valuesOf,
} from "../src/pages/operator/command.ts";
import { plan, planText } from "../src/pages/operator/plan.ts";
import { questionOf, timeOf } from "../src/pages/operator/question.ts";

const ENTRIES: readonly Entry[] = [
  { name: "account", label: "Account" },
  { name: "amount", label: "Amount", kind: "amount" },
  { name: "by", label: "By", kind: "difference", isOptional: true },
  { name: "count", label: "Count", kind: "count", isOptional: true },
  { name: "is_on", label: "On", kind: "check" },
];

function filled(texts: Record<string, string>) {
  return valuesOf(ENTRIES, (name) => texts[name] ?? "");
}

test("what is filled in is read exactly, and what is left empty is left out", () => {
  assert.deepEqual(filled({ account: " TRADER1 ", amount: "0.00000001", by: "-3.5", count: "7", is_on: "on" }), {
    values: { account: "TRADER1", amount: "0.00000001", by: "-3.5", count: 7, is_on: true },
    wrong: {},
  });
  assert.deepEqual(filled({ account: "a", amount: "1" }).values, { account: "a", amount: "1", is_on: false });
});

test("each field says what is wrong with it", () => {
  const { wrong } = filled({ account: "", amount: "1,5", by: "--1", count: "1.5" });
  assert.deepEqual(Object.keys(wrong), ["account", "amount", "by", "count"]);
  assert.match(wrong.amount ?? "", /comma/);
  assert.match(filled({ account: "a", amount: "-1" }).wrong.amount ?? "", /digits/);
});

const PAY: Command = {
  title: "",
  says: "",
  verb: "",
  method: "PUT",
  path: "/v1/x/{account}",
  entries: ENTRIES,
  body: { scope: "account" },
  again: "account",
  isOnce: true,
};

test("what can't be taken back is done only for the text that belongs to it", () => {
  assert.equal(asked(PAY), "To go on, type again: account");
  assert.match(confirmed(PAY, { account: "TRADER1" }, "trader1") ?? "", /TRADER1/);
  assert.equal(confirmed(PAY, { account: "TRADER1" }, "TRADER1 "), null);
  const halt: Command = { ...PAY, again: undefined as never, typed: "BTCUSDT" };
  assert.match(confirmed(halt, {}, "") ?? "", /BTCUSDT/);
  assert.equal(confirmed(halt, {}, "BTCUSDT"), null);
});

test("a command is a request: what its path names is not in its body", () => {
  const request = requestOf(PAY, { account: "a/b", amount: "1" }, "id-1");
  assert.deepEqual(request, {
    path: "/v1/x/a%2Fb",
    method: "PUT",
    body: { scope: "account", amount: "1", id: "id-1" },
  });
  assert.equal(requestOf({ ...PAY, body: null }, { account: "a" }, "id").body, undefined);
  assert.equal(requestOf({ ...PAY, method: "DELETE" }, { account: "a" }, "id").body, undefined);
});

test("an answer says what became of it", () => {
  assert.deepEqual(outcomeOf({ seq: 7 }), { text: "Done.", seq: 7 });
  assert.deepEqual(outcomeOf({ seq: 7, proposal: null }), { text: "Done.", seq: 7 });
  assert.match(outcomeOf({ seq: 7, proposal: 7 }).text, /another operator/);
  assert.equal(outcomeOf({ proposal: 9, code: "secret" }).code, "secret");
  assert.match(outcomeOf({ count: 1, seq: 8 }).text, /^1 order was/);
  assert.deepEqual(outcomeOf(undefined), { text: "Done.", seq: null });
});

test("a schedule is text and back", () => {
  const text = "08:00 opening_auction mon tue\n22:00:01 closed";
  const found = plan(`\n${text}\n`);
  assert.deepEqual(found, [
    { time: "08:00", phase: "opening_auction", days: ["mon", "tue"] },
    { time: "22:00:01", phase: "closed" },
  ]);
  const days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
  assert.equal(planText((found as { time: string; phase: string }[]).map((each) => ({ days, ...each }))), text);
  for (const wrong of ["24:00 closed", "08:00 delisted", "08:00 halt mon 1st", "halt"]) {
    assert.match(String(plan(`07:00 closed\n${wrong}`)), /^Line 2: /);
  }
  assert.deepEqual(plan(" \n"), []);
});

test("a moment is named by a whole number or a time", () => {
  const text = (texts: Record<string, string>) => String(questionOf((name) => texts[name] ?? ""));
  assert.equal(text({ by: "seq", which: "12", account: "a&b=1", symbol: "" }), "seq=12&account=a%26b%3D1");
  assert.equal(text({ by: "time", which: "2026-01-31 09:30" }), `time=${Date.UTC(2026, 0, 31, 9, 30)}`);
  assert.match(text({ by: "order", which: "0" }), /whole number/);
  assert.match(text({ by: "time", which: "soon" }), /such as/);
  assert.equal(timeOf("2026-01-31T09:30:00.250Z"), Date.UTC(2026, 0, 31, 9, 30, 0, 250));
  assert.equal(timeOf("2026-13-31"), null);
});
