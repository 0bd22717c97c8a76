// What a camera reads of the code that is drawn is the text: its path is painted here and read by a decoder.
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeQR } from "qr/decode.js";
import { drawn } from "../src/pages/account/qr_path.ts";
import { chance } from "./support.ts";

const MODULE_PX = 4;

/** An image of the path's squares, black on white. */
function painted({ path, size }: { path: string; size: number }) {
  const side = size * MODULE_PX;
  const data = new Uint8Array(4 * side * side).fill(255);
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1H\1z/g)) {
    for (let j = Number(y) * MODULE_PX; j < (Number(y) + 1) * MODULE_PX; j++) {
      for (let i = Number(x) * MODULE_PX; i < (Number(x) + Number(width)) * MODULE_PX; i++) {
        data.fill(0, 4 * (j * side + i), 4 * (j * side + i) + 3);
      }
    }
  }
  return { width: side, height: side, data };
}

test("what is drawn is read as the text that it was drawn of", () => {
  const { below } = chance();
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  for (let i = 0; i < 20; i++) {
    const secret = Array.from({ length: 32 }, () => letters[below(32)]).join("");
    const uri = `otpauth://totp/lockstep:${"n".repeat(1 + below(36))}?secret=${secret}&issuer=lockstep`;
    assert.equal(decodeQR(painted(drawn(uri))), uri);
  }
});
