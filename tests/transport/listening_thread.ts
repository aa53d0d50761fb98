/**
 * Thread that listens on the address in each message, until `close`; answers `listening` or the reason why not.
 *
 * @module
 */

import { listen } from "../../src/transport/listen.ts";
import type { Listener } from "../../src/transport/types.ts";

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<string>) => void) | null;
  postMessage(message: string): void;
};
let listener: Listener | undefined;

async function answerTo(message: string): Promise<string> {
  if (message === "ready") return message;
  if (message === "close") {
    await listener?.close();
    listener = undefined;
    return message;
  }
  try {
    listener = await listen(message);
    return "listening";
  } catch (error) {
    return (error as Error).message;
  }
}

scope.onmessage = async ({ data }) => scope.postMessage(await answerTo(data));
