// A QR code. What reckons it is fetched when one is wanted.
import { useEffect, useState } from "preact/hooks";
import type { Drawn } from "./qr_path.ts";

export function Qr({ text, name }: { text: string; name: string }) {
  const [code, setCode] = useState<Drawn | "missing" | null>(null);
  useEffect(() => {
    let isWanted = true;
    import("./qr_path.ts").then(
      ({ drawn }) => isWanted && setCode(drawn(text)),
      () => isWanted && setCode("missing"),
    );
    return () => {
      isWanted = false;
    };
  }, [text]);
  if (code === null) return <p class="quiet">Drawing …</p>;
  if (code === "missing") return <p class="quiet">The QR code can't be drawn now: type the secret.</p>;
  return (
    <svg class="qr" viewBox={`0 0 ${code.size} ${code.size}`} role="img" aria-label={name} data-testid="mfa-qr">
      <path d={code.path} />
    </svg>
  );
}
