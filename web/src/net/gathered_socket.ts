// A WebSocket for much JSON: another thread has it, and what comes is told many messages at a time.
import type { Asked, Told } from "./gathering.worker.ts";

export interface Hears {
  opened: () => void;
  came: (messages: readonly unknown[]) => void;
  /** It ended, or never opened. */
  closed: () => void;
}

export class GatheredSocket {
  isOpen = false;
  private isOver = false;
  private readonly hears: Hears;
  private readonly thread = new Worker(new URL("./gathering.worker.ts", import.meta.url), { type: "module" });

  constructor(url: string, hears: Hears) {
    this.hears = hears;
    this.thread.onmessage = ({ data }: MessageEvent<Told>) => this.told(data);
    this.thread.onerror = () => this.told({ is: "closed" });
    this.ask({ open: url });
  }

  send(text: string): void {
    this.ask({ send: text });
  }

  /** Nothing more is heard of it. */
  close(): void {
    this.isOpen = false;
    this.isOver = true;
    this.thread.terminate();
  }

  private ask(what: Asked): void {
    this.thread.postMessage(what);
  }

  private told(what: Told): void {
    if (this.isOver) return;
    if (what.is === "open") {
      this.isOpen = true;
      this.hears.opened();
    } else if (what.is === "closed") {
      this.close();
      this.hears.closed();
    } else {
      try {
        this.hears.came(JSON.parse(what.json));
      } finally {
        this.ask({ taken: true });
      }
    }
  }
}
