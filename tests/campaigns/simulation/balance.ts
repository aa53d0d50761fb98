/** Checks of buffers, windows, credit and memory once nothing is in flight. */

import type { MemoryShare } from "../../../src/limits/memory_pool.ts";
import type { ClientConnection, ServerConnection } from "../../../src/call/wire.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import { type CallOwner, LeanCall } from "../../../src/lean/call.ts";
import type { LeanClientConnection } from "../../../src/lean/client.ts";
import type { LeanServerConnection } from "../../../src/lean/server.ts";
import { Broken, type Caller, type Handler } from "./calls.ts";

type Engine = ClientConnection | ServerConnection;
type GrpcEngine = GrpcClientConnection | GrpcServerConnection;

/** Memory of one connection. */
function memoryOf(engine: Engine): MemoryShare {
  return engine instanceof GrpcClientConnection || engine instanceof GrpcServerConnection
    ? engine.http2.memory
    : (engine as LeanClientConnection | LeanServerConnection).connection.memory;
}

/** Checks, with no call open and nothing in flight, that nothing is held and both ends agree on windows. */
export function checkQuiet(client: ClientConnection, server: ServerConnection): void {
  for (const [side, engine] of [["client", client], ["server", server]] as const) {
    if (engine.bufferedBytes !== 0 || engine.out.length !== 0) {
      throw new Broken("held bytes", `${side}: ${engine.bufferedBytes} and ${engine.out.length}`);
    }
    if (engine.activeCalls !== 0) throw new Broken("open calls", `${side}: ${engine.activeCalls}`);
    if (!engine.wantsRead) throw new Broken("paused", side);
    checkMemory(side, engine);
  }
  if (client instanceof GrpcClientConnection && server instanceof GrpcServerConnection) {
    checkWindows("to the server", client, server);
    checkWindows("to the client", server, client);
  }
}

/** Checks that a closed connection holds nothing. */
export function checkNothingLeft(side: string, engine: Engine): void {
  if (!engine.finished) throw new Broken("not finished", side);
  if (engine.bufferedBytes !== 0 || engine.out.length !== 0 || engine.activeCalls !== 0) {
    throw new Broken(
      "left behind",
      `${side}: ${engine.bufferedBytes} bytes, ${engine.out.length} unsent, ` +
        `${engine.activeCalls} calls`,
    );
  }
  if (engine.nextTimerMs() !== Infinity) throw new Broken("timer left", side);
  checkMemory(side, engine);
}

function checkMemory(side: string, engine: Engine): void {
  const { used } = memoryOf(engine);
  if (used !== 0) throw new Broken("memory left", `${side}: ${used} bytes`);
}

interface Windows {
  readonly sender: { readonly window: number };
  readonly receiveWindow: {
    readonly window: number;
    readonly heldBytes: number;
    readonly inUseBytes: number;
  };
}

function checkWindows(way: string, from: GrpcEngine, to: GrpcEngine): void {
  const { sender } = from.http2 as unknown as Windows;
  const { receiveWindow: receiver } = to.http2 as unknown as Windows;
  if (sender.window !== receiver.window) {
    throw new Broken("windows differ", `${way}: ${sender.window} and ${receiver.window}`);
  }
  if (receiver.inUseBytes !== 0) {
    throw new Broken("window leaked", `${way}: ${receiver.inUseBytes} were not returned`);
  }
  if (receiver.heldBytes !== 0) throw new Broken("held credit", `${way}: ${receiver.heldBytes}`);
}

interface Receiver {
  readonly unreturned: number;
  readonly owner: CallOwner;
}

/**
 * Checks the credit of a lean connection's finished calls: the client's remaining credit and the server's unreturned
 * credit add up to the server's window. The other direction can't be checked: a server doesn't count the reply that
 * ends a call, and receives no credit for it. Both directions share their code.
 */
export function checkCredit(
  callers: Iterable<Caller>,
  handlers: ReadonlyMap<number, Handler>,
): void {
  for (const { id, call, cancelled } of callers) {
    const handler = handlers.get(id);
    if (handler === undefined || !(call instanceof LeanCall)) continue;
    const { sendWindow } = call;
    const { unreturned, owner } = handler.call as unknown as Receiver;
    const window = owner.options.callWindowBytes;
    // Credit of messages that were not read after a cancel is lost.
    const whole = handler.halfClosed && handler.cancelCode === null && !cancelled;
    const sum = sendWindow + unreturned;
    if (sum > window || whole && sum < window) {
      throw new Broken(
        "credit leaked",
        `call ${id}: ${sendWindow} are left and ${unreturned} not returned of ${window}`,
      );
    }
  }
}
