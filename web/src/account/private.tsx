// What only they see who are logged in, and of them only those with a role that may.
import type { ComponentChildren } from "preact";
import { person, state } from "../net/session.ts";
import { Notice } from "../parts/parts.tsx";
import { isWanted } from "./login.tsx";

const OPERATING: ReadonlySet<string> = new Set(["operator", "admin", "auditor"]);

/** Whether a role may look at what is of the whole venue. The venue decides: this is what is shown. */
export function isOperating(role: string | undefined): boolean {
  return role !== undefined && OPERATING.has(role);
}

export function Private({ children, forOperators = false }: { children: ComponentChildren; forOperators?: boolean }) {
  if (state.value === "asking") return <p class="quiet none">Asking the venue …</p>;
  if (person.value === null) {
    return (
      <Notice>
        Log in to see this.{" "}
        <button
          type="button"
          class="button first"
          onClick={() => {
            isWanted.value = true;
          }}
        >
          Log in
        </button>
      </Notice>
    );
  }
  if (forOperators && !isOperating(person.value.role)) {
    return <Notice isBad>This is for operators and auditors; you are logged in as a {person.value.role}.</Notice>;
  }
  return <>{children}</>;
}
