import assert from "node:assert/strict";
import { test } from "node:test";
import { History } from "../src/account/history.ts";
import { LARGE_PAGE, MOST_ROWS, PAGE, Past } from "../src/account/past.ts";
import { NoAnswer } from "../src/net/http.ts";
import { chance } from "./support.ts";

globalThis.requestAnimationFrame ??= (task) => setTimeout(task, 0) as unknown as number;

interface Row {
  id: number;
  time: number;
  note?: string;
}

/** A venue with rows; each page is cut as /v1 does it. */
function pastOf(all: Row[], asked: (number | null)[] = []): Past<Row> {
  return new Past<Row>({
    key: ({ id }) => String(id),
    time: ({ time }) => time,
    fetch: async (until, limit) => {
      asked.push(until);
      return all.filter(({ time }) => until === null || time <= until).slice(-limit);
    },
  });
}

const ids = (past: Past<Row>) => past.rows.map(({ id }) => id);

test("all rows come, each once, the newest first, however many share a moment", async () => {
  const draw = chance();
  for (let run = 0; run < 30; run++) {
    const all: Row[] = [];
    for (let id = 1, time = 1_000; id <= 900; id++) {
      if (draw.below(run % 3 === 0 ? 400 : 3) === 0) time += draw.below(5);
      all.push({ id, time });
    }
    const past = pastOf(all);
    for (let i = 0; i < 200 && !past.isWhole; i++) await past.more();
    assert.deepEqual(ids(past), all.map(({ id }) => id).reverse());
  }
});

test("as many rows of one moment as the largest page has hide none of the moment before", async () => {
  const of = (time: number, count: number) =>
    Array.from({ length: count }, (_, i) => ({ id: 10_000 * time + i, time }));
  const past = pastOf([...of(4, 50), ...of(5, LARGE_PAGE)]);
  for (let i = 0; i < 20 && !past.isWhole; i++) await past.more();
  assert.equal(past.rows.length, LARGE_PAGE + 50);
});

test("what is told meanwhile stands where it belongs, and takes the place of what it changes", async () => {
  const all = Array.from({ length: 300 }, (_, i) => ({ id: i, time: i }));
  const past = pastOf(all);
  const first = past.more();
  past.put({ id: 300, time: 300 });
  await first;
  past.put({ id: 299, time: 299, note: "changed" });
  past.put({ id: 3, time: 3, note: "not here yet" });
  assert.deepEqual(past.rows[0], { id: 300, time: 300 });
  assert.equal(past.rows[1]?.note, "changed");
  assert.equal(past.rows.length, 1 + PAGE);
  await past.more();
  await past.more();
  await past.more();
  assert.equal(past.isWhole, true);
  assert.deepEqual(ids(past).slice(-4), [3, 2, 1, 0]);
});

test("it keeps a bounded number of rows, and goes on where it is full by beginning there", async () => {
  const all = Array.from({ length: MOST_ROWS + 250 }, (_, i) => ({ id: i, time: i }));
  const past = pastOf(all);
  for (let i = 0; i < 100; i++) await past.more();
  assert.equal(past.rows.length, MOST_ROWS);
  assert.equal(past.isFull, true);
  assert.equal(past.isWhole, false);
  past.put({ id: -1, time: MOST_ROWS + 250 });
  assert.equal(past.rows.length, MOST_ROWS);
  past.begin(past.end);
  await past.more();
  assert.equal(ids(past)[0], 251);
  past.put({ id: -2, time: MOST_ROWS + 251 });
  assert.equal(ids(past)[0], 251, "it looks at another time");
});

test("an answer that comes after it began anew is none of its own", async () => {
  let answer: (rows: Row[]) => void = () => {};
  const past = new Past<Row>({
    key: ({ id }) => String(id),
    time: ({ time }) => time,
    fetch: () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  });
  const first = past.more();
  const before = answer;
  past.begin(50);
  const second = past.more();
  before([{ id: 99, time: 99 }]);
  answer([{ id: 7, time: 7 }]);
  await Promise.all([first, second]);
  assert.deepEqual(ids(past), [7]);
});

/** A list whose pages come when they are let come. */
function slow() {
  const asked: { bring: (rows: Row[]) => void; fail: (error: Error) => void }[] = [];
  const past = new Past<Row>({
    key: ({ id }) => String(id),
    time: ({ time }) => time,
    fetch: () => new Promise((bring, fail) => asked.push({ bring, fail })),
  });
  return { asked, past };
}

const before = (id: number): Row => ({ id, time: id, note: "new" });
const now = (id: number): Row => ({ id, time: id, note: "cancelled" });

test("a page that was made before something was told undoes nothing of that", async () => {
  for (const from of [null, 50]) {
    const { asked, past } = slow();
    past.begin(from);
    const page = past.more();
    past.put(now(5)); // the old one first
    past.put(now(9));
    if (from === null) past.put(now(60));
    past.change(
      ({ id }) => id === 3 || id === 9 || id === 60,
      (row) => ({ ...row, note: "corrected" }),
    );
    asked[0]?.bring([before(3), before(4), before(5), before(9)]);
    await page;
    const shown = past.rows.map(({ id, note }) => `${id} ${note}`);
    const rest = ["9 corrected", "5 cancelled", "4 new", "3 corrected"];
    assert.deepEqual(shown, from === null ? ["60 corrected", ...rest] : rest);
  }
});

test("what was told before a page was asked for is in it, and does not undo what it brings", async () => {
  const { asked, past } = slow();
  const failed = past.more();
  past.put(before(5));
  past.change(
    ({ id }) => id === 4,
    (row) => ({ ...row, note: "of before" }),
  );
  asked[0]?.fail(new NoAnswer());
  await failed;
  const again = past.more();
  asked[1]?.bring([now(4), now(5)]);
  await again;
  assert.deepEqual(past.rows, [now(5), now(4)]);
});

test("it begins anew where more is told than it keeps while a page is on its way", async () => {
  const { asked, past } = slow();
  const first = past.more();
  for (let id = 0; id <= MOST_ROWS; id++) past.put(before(id));
  assert.equal(past.beginnings, 1);
  asked[0]?.bring([before(1)]);
  await first;
  assert.equal(past.rows.length, 0);
});

test("what went wrong is said until it is asked again or begins anew, and not of what was asked before that", async () => {
  const { asked, past } = slow();
  const away = new NoAnswer("The venue does not answer.");
  for (const again of [() => past.more(), () => past.begin(null)]) {
    const failed = past.more();
    asked.at(-1)?.fail(away);
    await failed;
    assert.equal(past.trouble, away);
    void again();
    assert.equal(past.trouble, null);
  }
  const before = past.more();
  past.begin(null);
  const after = past.more();
  asked.at(-1)?.bring([{ id: 1, time: 1 }]);
  await after;
  asked.at(-2)?.fail(away);
  await before;
  assert.equal(past.trouble, null);
  assert.deepEqual(ids(past), [1]);
  past.begin(null);
  const wrong = past.more();
  asked.at(-1)?.fail(new TypeError("a bug"));
  await assert.rejects(wrong, TypeError);
});

test("a fill that was corrected keeps the price that it had", () => {
  const history = new History("BTCUSDT");
  history.fills.isWhole = true; // nothing was traded before
  const fill = {
    trade_id: 7,
    order_id: 1,
    symbol: "BTCUSDT",
    side: "buy",
    liquidity: "maker",
    price: "100.00",
    quantity: "1",
    value: "100",
    fee: "0",
    fee_asset: "BTC",
    time: 1,
    seq: 9,
  };
  const order = { order_id: 1, symbol: "BTCUSDT", entered: 1, status: "filled" } as never;
  history.take({ channel: "orders", event: "trade", order, fill });
  history.take({ channel: "orders", event: "trade", order, fill });
  const of = { channel: "orders", event: "corrected", symbol: "BTCUSDT", trade_id: 7, side: "buy", fee: "0" };
  history.take({ ...of, symbol: "ETHUSDT", is_undone: true, price: "100.00", value: "100" });
  assert.equal(history.fills.rows.length, 1);
  assert.equal(history.fills.rows[0]?.isUndone, undefined);
  history.take({ ...of, is_undone: false, price: "90.00", value: "90" });
  assert.deepEqual(history.fills.rows[0], { ...fill, was: "100.00", isUndone: false, price: "90.00", value: "90" });
  history.fills.put({ ...fill, price: "90.00", value: "90" });
  history.take({ ...of, is_undone: false, price: "90.00", value: "90" });
  assert.equal(history.fills.rows[0]?.was, undefined, "it came as it is by now");
});
