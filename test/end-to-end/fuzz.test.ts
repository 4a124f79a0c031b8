/** Five thousand generated requests, always the same ones; `npm run nightly:fuzz` sends others. */
import { expect, it } from "vitest";
import { runFuzz } from "../support/fuzz/fuzz-run.js";

it("answers generated requests without a fault, with the same bytes from both executions, and serves the next valid request", async () => {
  const report = await runFuzz({ seed: 4, requests: 5_000 });
  expect(report.requests).toBeGreaterThanOrEqual(5_000);
  console.log(report);
  // The generated requests must reach the executors, and be refused in every way.
  expect(report.executedBothWays).toBeGreaterThan(1_000);
  for (const status of [200, 201, 204, 400, 404, 405, 412, 415, 422])
    expect([...report.statuses.keys()]).toContain(status);
}, 300_000);
