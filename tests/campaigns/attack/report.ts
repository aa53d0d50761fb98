/** What an attacking process is told. */
export interface AttackerTask {
  readonly name: string;
  readonly wire: "grpc" | "lean";
  readonly hostname: string;
  readonly port: number;
  readonly ca?: string;
  readonly seconds: number;
}

/** What it says. */
export interface AttackerReport {
  readonly connections: number;
  readonly refused: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Connections that the server ended, or that the attack itself did. */
  readonly closedEarly: number;
  readonly medianLifetimeMs: number | null;
  readonly answers: readonly (readonly [string, number])[];
}
