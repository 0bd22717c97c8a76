// Commands about accounts that are not in the table of operations.
import type { KeyShown, NewAccount, Reason } from "../../net/v1.ts";
import type { Command } from "./command.ts";

function of(name: string): string {
  return `/v1/operator/accounts/${encodeURIComponent(name)}`;
}

export const DEFINE: Command<keyof NewAccount> = {
  title: "Define an account",
  says: "A trader's, for good: it can be blocked, but never removed. Its owner changes the password.",
  verb: "Define it",
  method: "POST",
  path: "/v1/operator/accounts",
  entries: [
    { name: "name", label: "Name" },
    { name: "password", label: "Its first password", kind: "password" },
  ],
  again: "name",
};

export function disconnect(name: string): Command<keyof Reason> {
  return {
    title: `Disconnect ${name}`,
    says: "Its FIX session is logged out. Its orders stay, and it may log on again.",
    verb: "Log it out",
    method: "POST",
    path: `/v1/operator/sessions/${encodeURIComponent(name)}/disconnect`,
    entries: [{ name: "reason", label: "Reason, which the client is told" }],
  };
}

export function revoke(name: string, key: KeyShown): Command {
  return {
    title: `Revoke ${key.name}`,
    says: `A key of ${name}. For ever: nothing that it signs counts any more.`,
    verb: "Revoke it",
    method: "DELETE",
    path: `${of(name)}/keys/${encodeURIComponent(key.name)}`,
    typed: key.name,
    forAdmins: true,
  };
}
