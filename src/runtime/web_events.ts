/**
 * Events of the web's kind.
 *
 * @module
 */

/** Members of a global scope that reports errors as events. */
interface ReportingScope {
  addEventListener(type: "error", listener: (event: ErrorReport) => void): void;
  removeEventListener(type: "error", listener: (event: ErrorReport) => void): void;
}

interface ErrorReport {
  readonly error: unknown;
  preventDefault(): void;
  stopImmediatePropagation(): void;
}

/**
 * Runs `dispatch`, which dispatches an event, and passes exceptions of the event's listeners to `onThrow`. They are
 * reported before `dispatch` returns, so no other error is caught. A thrown Proxy whose `getPrototypeOf` trap throws
 * still ends the process (Deno 2.9): the runtime fails to report it.
 */
export function catchReportedErrors(dispatch: () => void, onThrow: (error: unknown) => void): void {
  const scope = globalThis as unknown as ReportingScope;
  const onError = (event: ErrorReport) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    onThrow(event.error);
  };
  scope.addEventListener("error", onError);
  try {
    dispatch();
  } finally {
    scope.removeEventListener("error", onError);
  }
}
