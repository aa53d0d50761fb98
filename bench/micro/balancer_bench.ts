// Deno.bench of each balancer's pick over eight addresses; `deno task bench:allocations` counts what a pick allocates.
import { pickAll, pickerOf, POLICIES, TIMES } from "../balancer_picks.ts";

for (const [name, config] of Object.entries(POLICIES)) {
  const picker = pickerOf(name, config);
  Deno.bench(`${name}: ${TIMES} picks`, () => pickAll(picker));
}
