/** Wire of an attack; `http1` is that of the host program, the others that of the server program. */
export type Wire = "grpc" | "lean" | "websocket" | "web" | "http1";

/** Task of an attacking process. */
export interface AttackerTask {
  readonly name: string;
  readonly wire: Wire;
  readonly hostname: string;
  readonly port: number;
  readonly ca?: string;
  /** Root of the victim's documents, in base64. */
  readonly root?: string;
  readonly seconds: number;
}

/** Report of an attacking process. */
export interface AttackerReport {
  readonly connections: number;
  readonly refused: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Connections ended by the server or by the attack itself. */
  readonly closedEarly: number;
  readonly medianLifetimeMs: number | null;
  readonly answers: readonly (readonly [string, number])[];
}
