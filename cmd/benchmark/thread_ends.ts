/**
 * The end of worker threads.
 *
 * @module
 */

/** Time between two looks at the threads. */
const LOOK_MS = 5;
/** Longest wait for threads that were told to end. */
const END_TIMEOUT_MS = 1_000;

/**
 * Resolves when the worker threads of this process have ended, or after 1 s. A process that exits while the runtime tears
 * a thread down can crash; a worker that has closed itself still has that before it. Without `/proc` it resolves at once.
 */
export async function threadsEnded(): Promise<void> {
  const endMs = performance.now() + END_TIMEOUT_MS;
  while (workerThreads() > 0 && performance.now() < endMs) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** Number of threads with the name that the runtime gives to those of workers; 0 where they can't be listed. */
function workerThreads(): number {
  let count = 0;
  try {
    for (const { name } of Deno.readDirSync("/proc/self/task")) {
      if (isWorker(name)) count++;
    }
  } catch {
    return 0;
  }
  return count;
}

function isWorker(thread: string): boolean {
  try {
    return Deno.readTextFileSync(`/proc/self/task/${thread}/comm`).startsWith("worker-");
  } catch {
    // It has just ended.
    return false;
  }
}
