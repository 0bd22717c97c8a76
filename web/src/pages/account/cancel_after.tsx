// The dead man's switch, where a program has set it: all open orders are cancelled unless it is put off again.
import { moment } from "../../account/moments.ts";
import { useDeed } from "../../account/submission.ts";
import { useAnswer } from "../../net/answer.ts";
import { call } from "../../net/session.ts";
import type { CancelShown } from "../../net/v1.ts";
import { Notice } from "../../parts/parts.tsx";

export function CancelAfter() {
  const due = useAnswer<CancelShown>("/v1/orders/cancel-after");
  const off = useDeed();
  if (!due.found?.due) return null;
  return (
    <Notice isBad={off.problem !== null}>
      All your open orders are cancelled at {moment(due.found.due)}, unless the program that asked for this asks again.{" "}
      <button
        type="button"
        class="button"
        disabled={off.isBusy}
        onClick={() =>
          off.run(async () => {
            await call("/v1/orders/cancel-after", { method: "DELETE" });
            due.again();
          })
        }
      >
        Turn it off
      </button>{" "}
      {off.problem}
    </Notice>
  );
}
