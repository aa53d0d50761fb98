/**
 * Runs in the guest: the suites of transports and calls with their vsock cases, which `VRPC_TEST_VSOCK=1` enables.
 */

import "../../transport/plain_test.ts";
import "../../calls/calls_test.ts";
