/**
 * Thread that watches the permissions of a file: takes its path, then `stop`, and answers with all it has seen.
 *
 * @module
 */

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<string>) => void) | null;
  postMessage(message: number[]): void;
};
const seen = new Set<number>();
let timer: number | undefined;

scope.onmessage = ({ data }) => {
  if (data === "stop") clearInterval(timer);
  else timer = setInterval(watch, 0, data) as unknown as number;
  scope.postMessage([...seen]);
};

function watch(path: string): void {
  for (let i = 0; i < 2_000; i++) {
    try {
      seen.add(Deno.lstatSync(path).mode! & 0o777);
    } catch {
      // Nothing listens at the moment.
    }
  }
}
