import { expect, it } from "vitest";
import { silenceOf } from "../../../src/cli/serve/gateway-cluster.js";

it.each([
  [{ suspectAfter: 3_000, downAfter: 10_000, takeoverAfter: 3_000 }, 3_000],
  [{ suspectAfter: 1_500, downAfter: 2_000, takeoverAfter: 3_000 }, 2_000],
])("a storage node of a shared store is DOWN no later than any other: %j", (options, takeoverAfterMs) => {
  const { suspectAfter: suspectAfterMs, downAfter: downAfterMs } = options;
  expect(silenceOf(options)).toEqual({ suspectAfterMs, downAfterMs, takeoverAfterMs });
});
