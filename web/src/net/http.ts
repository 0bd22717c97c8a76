// Requests to the venue, and what it says where it does not do what was asked.

/** What the venue answers in place of what was asked for: RFC 9457, or the dialect's code and msg. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly field: string | undefined;
  /** So many seconds later it may be tried again; 0: the venue does not say. */
  readonly retryAfterS: number;
  /** The venue's number of the code, where it has one. */
  readonly number: number | undefined;

  constructor(status: number, code: string, detail: string, field?: string, retryAfterS = 0, number?: number) {
    super(detail);
    this.status = status;
    this.code = code;
    this.field = field;
    this.retryAfterS = retryAfterS;
    this.number = number;
  }
}

/** The code of what is not sent, as who wanted it is no longer logged in. */
export const ANOTHER_PERSON = "ANOTHER_PERSON";

/** The code of what is not sent, as it is no longer wanted when its turn comes. */
export const TOO_LATE = "TOO_LATE";

/** No answer came: it is not known whether the request was carried out. */
export class NoAnswer extends Error {}

const MINUTE_S = 60;

/** What went wrong, for people, and when to try again. Anything else is a bug, and thrown. */
export function told(error: unknown): string {
  if (error instanceof NoAnswer) return error.message;
  if (!(error instanceof Problem)) throw error;
  if (error.retryAfterS <= 1) return error.message;
  const isLong = error.retryAfterS > 2 * MINUTE_S;
  const wait = isLong ? `${Math.ceil(error.retryAfterS / MINUTE_S)} minutes` : `${error.retryAfterS} seconds`;
  return `${error.message} Wait ${wait}.`;
}

/** How long an answer may take, unless more is said. */
export const PATIENCE_MS = 15_000;

export interface Asked {
  method?: "GET" | "POST" | "PUT" | "DELETE";
  body?: unknown;
  token?: string;
  signal?: AbortSignal;
  /** How long an answer may take. */
  patienceMs?: number;
  /** Asked right before it is sent: a login may have to be renewed first, and a computer may sleep meanwhile. */
  isWanted?: () => boolean;
}

/** The JSON that a request is answered with. Problem, NoAnswer. */
export async function ask<T>(
  path: string,
  { method = "GET", body, token, signal, patienceMs = PATIENCE_MS, isWanted = () => true }: Asked = {},
): Promise<T> {
  if (!isWanted())
    throw new Problem(408, TOO_LATE, "It was not sent, as it waited too long. Send it anew if you still want it.");
  const headers: Record<string, string> = {};
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  const timeout = AbortSignal.timeout(patienceMs);
  let response: Response;
  let text: string;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      credentials: "same-origin",
      cache: "no-store",
      redirect: "error",
    });
    text = await response.text();
  } catch {
    throw new NoAnswer("The venue does not answer.");
  }
  if (response.ok) return (text === "" ? undefined : JSON.parse(text)) as T;
  throw problemOf(response, text);
}

/** A file that a request is answered with, and what it is to be called. Problem, NoAnswer: it broke off, too. */
export async function file(path: string, token: string, signal: AbortSignal): Promise<{ body: Blob; name: string }> {
  let response: Response;
  let body: Blob;
  try {
    const headers = { authorization: `Bearer ${token}` };
    response = await fetch(path, { headers, signal, credentials: "same-origin", cache: "no-store", redirect: "error" });
    body = await response.blob();
  } catch {
    throw new NoAnswer("The file did not come whole: nothing was kept.");
  }
  if (!response.ok) throw problemOf(response, await body.text());
  const name = /filename="([^"]+)"/.exec(response.headers.get("content-disposition") ?? "")?.[1];
  return { body, name: name ?? "download.csv" };
}

function problemOf({ status, headers }: Response, text: string): Problem {
  const retryAfterS = Number(headers.get("retry-after") ?? 0) || 0;
  try {
    const said = JSON.parse(text);
    const detail = said.detail ?? said.msg;
    if (typeof detail === "string") {
      return new Problem(status, String(said.code), detail, said.field, retryAfterS, said.number);
    }
  } catch {
    // It is no JSON: who stands before the venue has answered.
  }
  return new Problem(status, "UNREADABLE", `The venue's answer can't be read (status ${status}).`);
}
