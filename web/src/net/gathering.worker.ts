// A thread that has a WebSocket and gathers what comes: the page is told of many messages at once. To be told of one costs it
// tens of microseconds, whatever it says, and a busy market has thousands a second.
//
// The page says when it has taken what it was told; until then what comes waits here, within a bound.

export type Told = { is: "open" } | { is: "closed" } | { is: "messages"; json: string };
export type Asked = { open: string } | { send: string } | { taken: true };

const LEAST_MS = 20; // from one telling to the next
const MOST_WAITING = 16 << 20; // characters: a page that can't keep up begins anew

let socket: WebSocket | null = null;
let waiting: string[] = [];
let size = 0;
let isTaken = true;
let toldAt = Number.NEGATIVE_INFINITY;
let timer = 0;

function tell(what: Told): void {
  self.postMessage(what);
}

function open(url: string): void {
  socket = new WebSocket(url);
  socket.onopen = () => tell({ is: "open" });
  socket.onmessage = ({ data }) => gather(data);
  socket.onclose = () => tell({ is: "closed" });
}

function gather(text: string): void {
  size += text.length;
  if (size > MOST_WAITING) {
    socket?.close();
    return;
  }
  waiting.push(text);
  plan();
}

function plan(): void {
  if (timer !== 0 || !isTaken || waiting.length === 0) return;
  timer = self.setTimeout(handOver, Math.max(0, toldAt + LEAST_MS - performance.now()));
}

function handOver(): void {
  timer = 0;
  isTaken = false;
  toldAt = performance.now();
  tell({ is: "messages", json: `[${waiting.join(",")}]` });
  waiting = [];
  size = 0;
}

self.onmessage = ({ data }: MessageEvent<Asked>) => {
  if ("open" in data) open(data.open);
  else if ("send" in data) socket?.send(data.send);
  else {
    isTaken = true;
    plan();
  }
};
