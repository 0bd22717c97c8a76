// Market data: one connection to the venue's /stream for all panels, which comes back by itself.
//
// It asks a small question every two seconds: the answer says that the line lives, also where the market is quiet.
import { signal } from "@preact/signals";
import { GatheredSocket } from "./gathered_socket.ts";

export type Line = "connecting" | "live" | "reconnecting";

const ASK_MS = 2_000;
const SILENT_MS = 6_000; // from a question on, without an answer: the line is dead, though nobody said so
const LEAST_WAIT_MS = 250;
const MOST_WAIT_MS = 5_000;

/** What a stream tells, or an answer. */
type Message = { stream: string; data: unknown } | { id: number };

interface Wanted {
  handler: (message: unknown) => void;
  reset: () => void;
}

export class Streams {
  /** What state the line is in. */
  readonly line = signal<Line>("connecting");
  private readonly wanted = new Map<string, Wanted>();
  private socket: GatheredSocket | null = null;
  private waitMs = LEAST_WAIT_MS;
  private isAsked = false;
  private askedAt = 0;
  private lastId = 0;
  private retrying = 0;

  private readonly url: string;

  constructor(url: string) {
    this.url = url;
  }

  /** Connect, and stay connected as long as the page is there. */
  start(): void {
    window.setInterval(() => this.tick(), ASK_MS);
    window.addEventListener("online", this.again);
    document.addEventListener("visibilitychange", this.again);
    this.connect();
  }

  /** Have `handler` called for each message of a stream; `reset` whenever some may have been missed. */
  subscribe(name: string, handler: (message: unknown) => void, reset: () => void): void {
    this.wanted.set(name, { handler, reset });
    if (this.isOpen) this.ask("SUBSCRIBE", [name]);
  }

  unsubscribe(name: string): void {
    if (this.wanted.delete(name) && this.isOpen) this.ask("UNSUBSCRIBE", [name]);
  }

  private get isOpen(): boolean {
    return this.socket?.isOpen ?? false;
  }

  private ask(method: string, params: unknown[]): void {
    this.lastId += 1;
    this.socket?.send(JSON.stringify({ method, params, id: this.lastId }));
  }

  private connect(): void {
    this.isAsked = true; // to open is a question as well
    this.askedAt = performance.now();
    this.socket = new GatheredSocket(this.url, {
      opened: () => {
        this.isAsked = false;
        for (const { reset } of this.wanted.values()) reset();
        if (this.wanted.size > 0) this.ask("SUBSCRIBE", [...this.wanted.keys()]);
        this.tick();
      },
      came: (messages) => {
        for (const message of messages) {
          try {
            this.received(message as Message);
          } catch (error) {
            reportError(error); // a bug of one panel: the others are told all the same
          }
        }
      },
      closed: () => this.lost(),
    });
  }

  private received(message: Message): void {
    if ("stream" in message) {
      this.wanted.get(message.stream)?.handler(message.data);
      return;
    }
    this.waitMs = LEAST_WAIT_MS;
    this.line.value = "live";
    this.isAsked = false;
  }

  private lost(): void {
    this.socket = null;
    this.line.value = "reconnecting";
    // Not all clients come back in the same moment.
    this.retrying = window.setTimeout(() => this.connect(), this.waitMs * (0.5 + Math.random() / 2));
    this.waitMs = Math.min(2 * this.waitMs, MOST_WAIT_MS);
  }

  private tick(): void {
    if (this.socket === null) return;
    if (!this.isAsked) {
      this.isAsked = true;
      this.askedAt = performance.now();
      this.ask("GET_PROPERTY", ["combined"]);
    } else if (performance.now() - this.askedAt > SILENT_MS) {
      this.socket?.close();
      this.lost();
    }
  }

  /** The network, or the person, is back: don't wait. */
  private readonly again = (): void => {
    if (document.hidden) return;
    if (this.socket === null) {
      window.clearTimeout(this.retrying);
      this.connect();
    } else {
      this.tick();
    }
  };
}
