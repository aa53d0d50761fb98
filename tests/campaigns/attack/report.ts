/** Task of an attacking process. */
export interface AttackerTask {
  readonly name: string;
  readonly wire: "grpc" | "lean";
  readonly hostname: string;
  readonly port: number;
  readonly ca?: string;
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
