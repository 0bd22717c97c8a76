// Answers the lines of the standard input as the page reckons, one JSON array a line.
import { createInterface } from "node:readline";
import { decimalsOf, format, grouped, parse, read } from "../src/number/decimal.ts";

type Line =
  | ["parse", text: string, scale: number]
  | ["format", units: string, scale: number, least: number]
  | ["value", price: string, quantity: string, scale: number]
  | ["read", typed: string, scale: number, step: string];

function answer(line: Line): unknown[] {
  switch (line[0]) {
    case "parse":
      return [parse(line[1], line[2]).toString(), decimalsOf(line[1])];
    case "format": {
      const text = format(BigInt(line[1]), line[2], line[3]);
      return [text, grouped(text).replaceAll("\u202f", ",")];
    }
    case "value":
      return [format(parse(line[1], line[3]) * parse(line[2], line[3]), 2 * line[3], 0)];
    case "read": {
      const found = read(line[1], line[2], BigInt(line[3]));
      return [found.units?.toString() ?? null, found.wrong ?? null];
    }
  }
}

const answers: string[] = [];
for await (const line of createInterface({ input: process.stdin }))
  answers.push(JSON.stringify(answer(JSON.parse(line))));
process.stdout.write(answers.join("\n"));
