/** A soak of seconds: that its load, faults, samples and last look work together. Too short to judge memory. */
import { expect, it } from "vitest";
import { soakReport } from "./report.js";
import { soak } from "./soak-run.js";

it("loads, faults and samples real processes, and finds every guarantee kept", { timeout: 600_000 }, async () => {
  const result = await soak({ seed: 1, minutes: 0.25 });
  const report = soakReport(result);
  expect(result.complaints, report).toEqual([]);
  expect(result.faults.length).toBeGreaterThan(0);
  expect(result.keysChecked).toBeGreaterThan(300);
  expect(Object.keys(result.answers).length).toBeGreaterThan(10);
  expect([...new Set(result.samples.map(({ process }) => process))]).toEqual(["gateway", "node1", "node2", "node3"]);
  expect(result.samples.filter(({ phase }) => phase === "rest")).toHaveLength(8);
  for (const sample of result.samples) {
    expect(
      Math.min(sample.heapBytes, sample.memoryBytes, sample.files, sample.sockets, sample.handles),
    ).toBeGreaterThan(0);
  }
  const lines = report.split("\n");
  expect(lines[0]).toBe(`${result.isGood ? "GOOD" : "BAD"}: soak of 0.25 minutes, seed 1`);
  expect(lines).toContainEqual(expect.stringMatching(/gateway, files at rest: \d+ in the first rest/));
});
