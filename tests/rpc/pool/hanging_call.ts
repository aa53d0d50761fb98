import type { Channel } from "../../../mod.ts";
import { text } from "../../fixtures/bytes.ts";

/** Starts a call that the server does not answer; its rejection may be ignored. */
export function hang(channel: Channel, key: string, signal?: AbortSignal) {
  const call = channel.call("/suite/hang", text(key), { signal });
  call.catch(() => {});
  return call;
}
