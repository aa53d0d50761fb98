// What the sources use and the library of ES2023 lacks: functions that Node 20 has all the same (`resizable`,
// `isWellFormed`), and functions that are called only where they exist.

interface Uint8Array {
  toBase64(options?: { alphabet?: "base64" | "base64url"; omitPadding?: boolean }): string;
}

interface Uint8ArrayConstructor {
  fromBase64(
    text: string,
    options?: { alphabet?: "base64" | "base64url" },
  ): Uint8Array<ArrayBuffer>;
}

interface PromiseConstructor {
  withResolvers<T>(): {
    promise: Promise<T>;
    resolve(value: T | PromiseLike<T>): void;
    reject(reason?: unknown): void;
  };
}

interface ArrayBuffer {
  transfer(bytes: number): ArrayBuffer;
  readonly detached: boolean;
  readonly resizable: boolean;
}

interface String {
  isWellFormed(): boolean;
}
