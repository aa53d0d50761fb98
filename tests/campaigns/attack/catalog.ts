/** All attacks. */

import type { Attack } from "./attack.ts";
import { ATTESTATION_ATTACKS } from "./attestation_attacks.ts";
import { HTTP1_ATTACKS, WEB_ATTACKS } from "./http1_attacks.ts";
import { HTTP2_ATTACKS } from "./http2_attacks.ts";
import { INFLATION_ATTACKS } from "./inflation_attacks.ts";
import { LEAN_ATTACKS } from "./lean_attacks.ts";
import { WEBSOCKET_ATTACKS } from "./websocket_attacks.ts";

/** Attacks on all wires. */
export const ATTACKS: readonly Attack[] = [
  ...HTTP1_ATTACKS,
  ...WEB_ATTACKS,
  ...INFLATION_ATTACKS,
  ...HTTP2_ATTACKS,
  ...LEAN_ATTACKS,
  ...WEBSOCKET_ATTACKS,
  ...ATTESTATION_ATTACKS,
];
