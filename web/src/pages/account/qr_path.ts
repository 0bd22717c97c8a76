// A QR code as one path: its dark modules, each a unit square, behind a quiet zone of four.
import { encodeQR } from "qr";

export const QUIET = 4;

export interface Drawn {
  /** Of an SVG path. */
  path: string;
  /** How many units wide and high the code is, with its quiet zone. */
  size: number;
}

export function drawn(text: string): Drawn {
  const rows = encodeQR(text, "raw", { ecc: "medium", border: QUIET });
  let path = "";
  rows.forEach((row, y) => {
    for (let x = 0; x < row.length; x++) {
      if (!row[x]) continue;
      const start = x;
      while (row[x + 1]) x++;
      path += `M${start} ${y}h${x + 1 - start}v1H${start}z`;
    }
  });
  return { path, size: rows.length };
}
