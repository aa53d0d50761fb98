/**
 * What runs in the guest: the suites of transports and calls, their vsock cases included, because
 * `VRPC_TEST_VSOCK=1` says that there is a kernel for them. Elsewhere those cases are skipped.
 */

import "../../transport/plain_test.ts";
import "../../calls/calls_test.ts";
