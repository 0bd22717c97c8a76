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
