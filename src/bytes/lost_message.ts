/**
 * Error text for messages whose buffer the application has detached or resized before they were sent.
 *
 * @module
 */

/**
 * Why a message could not be sent: the application has transferred its buffer (`postMessage`, `structuredClone`),
 * resized it, or grown the WebAssembly memory that the message is a view of.
 */
export const LOST_MESSAGE =
  "Cannot send a message: its buffer was detached or resized before all of it was sent";
