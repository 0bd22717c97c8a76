// Follows a venue's book as the page does, by what the standard input says of it: one line for each difference that was
// not lost, `[difference, whole book or null, checksum of the book after it]`. Says how often the two were compared.
import assert from "node:assert/strict";
import { createInterface } from "node:readline";
import { crc32 } from "node:zlib";
import { Book, type Level } from "../src/market/book.ts";
import { format, parse } from "../src/number/decimal.ts";

type Pairs = [price: string, quantity: string][];
type Line = [
  { U: number; u: number; b: Pairs; a: Pairs },
  { lastUpdateId: number; bids: Pairs; asks: Pairs } | null,
  number,
];

const SCALE = 8; // decimals of the venue's messages
const ALL = 5000;
const levels = (pairs: Pairs): Level[] => pairs.map(([p, q]) => [parse(p, SCALE), parse(q, SCALE)]);
const pairs = (side: Level[]) => side.map((level) => level.map((units) => format(units, SCALE)));
const book = new Book();
const counted = { compared: 0, gaps: 0 };

for await (const line of createInterface({ input: process.stdin })) {
  const [{ U, u, b, a }, whole, checksum] = JSON.parse(line) as Line;
  const taken = book.take({ first: U, last: u, bids: levels(b), asks: levels(a) });
  assert.notEqual(taken, "old", line);
  if (taken === "missing") counted.gaps += 1;
  if (whole !== null && !book.isWhole) {
    const joined = book.begin({ last: whole.lastUpdateId, bids: levels(whole.bids), asks: levels(whole.asks) });
    assert.equal(joined, "applied", line);
  }
  if (!book.isWhole) continue;
  const { updateId, bids, asks } = book;
  const text = JSON.stringify({ lastUpdateId: updateId, bids: pairs(bids.best(ALL)), asks: pairs(asks.best(ALL)) });
  assert.equal(crc32(text), checksum, `${line}\n${text}`);
  counted.compared += 1;
}
process.stdout.write(JSON.stringify(counted));
