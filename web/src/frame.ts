// What changes many times is drawn once a frame. A tab that nobody sees draws nothing.

type Task = () => void;

const due = new Set<Task>();
let isAsked = false;

/** Run `task` once before the next frame, however often it is asked for. */
export function onFrame(task: Task): void {
  due.add(task);
  if (!isAsked) {
    isAsked = true;
    requestAnimationFrame(run);
  }
}

function run(): void {
  isAsked = false;
  const tasks = [...due];
  due.clear();
  for (const task of tasks) task();
}

const BEAT_MS = 150; // nobody reads faster, and a frame costs the more, the less is drawn in it

const waiting = new Set<Task>();
let isBeatComing = false;
let beatAt = Number.NEGATIVE_INFINITY;

/** Run `task` with the next beat: soon, but seven times a second at most. What comes often goes together. It runs before the
 * frame that draws it, and not in it: a chart that asks for the next frame, as they do, gets the same one. */
export function onBeat(task: Task): void {
  waiting.add(task);
  if (isBeatComing) return;
  isBeatComing = true;
  const restMs = beatAt + BEAT_MS - performance.now();
  setTimeout(() => (document.hidden ? onFrame(beat) : beat()), Math.max(restMs, 0));
}

function beat(): void {
  isBeatComing = false;
  beatAt = performance.now();
  const tasks = [...waiting];
  waiting.clear();
  for (const task of tasks) task();
}
