/** Thousands of operations with real processes that are killed, paused and restarted: every key stays linearizable. */
import { describe, expect, it } from "vitest";
import { hasPostgres } from "../support/postgres.js";
import { checkHistory } from "./check-history.js";
import type { Call } from "./history.js";
import { runProcesses } from "./process-run.js";

describe("a gateway of two workers over three storage nodes", () => {
  it("is linearizable while every process is killed, paused and restarted", { timeout: 600_000 }, async () => {
    const { calls } = await linearizableRun({ seed: 20_260_131, operations: 4_000, clients: 12 });
    // The following checks only that the run was a meaningful test.
    const count = (isWanted: (call: Call) => boolean): number => calls.filter(isWanted).length;
    expect(count(({ result }) => result.kind === "unknown")).toBeGreaterThan(5);
    expect(count(({ result }) => result.kind === "refused")).toBeGreaterThan(20);
    expect(count(({ result }) => result.kind === "conflict")).toBeGreaterThan(100);
    expect(count(({ result }) => result.kind === "deleted")).toBeGreaterThan(20);
    expect(count(({ result }) => result.kind === "written" || result.kind === "found")).toBeGreaterThan(300);
  });
});

describe.skipIf(!hasPostgres)("two gateways of one registry over three storage nodes", () => {
  it("are linearizable while they, the storage nodes and the registry are hurt", { timeout: 600_000 }, async () => {
    const { calls, seen } = await linearizableRun({ seed: 20_261_130, operations: 1_500, clients: 8, gateways: 2 });
    expect(seen).toContain("kill registry");
    expect(calls.filter(({ result }) => result.kind === "unknown" || result.kind === "refused").length).toBeGreaterThan(
      20,
    );
    expect(calls.filter(({ result }) => result.kind === "written").length).toBeGreaterThan(100);
  });
});

/** A run whose history must be linearizable, and whose faults must all have been reported: `seen`, in order. */
async function linearizableRun(options: Omit<Parameters<typeof runProcesses>[0], "onFault">) {
  const seen: string[] = [];
  const { calls, faults } = await runProcesses({
    ...options,
    onFault: ({ kind, process }) => seen.push(`${kind} ${process}`),
  });
  expect(
    checkHistory(calls)
      .map(({ text }) => text)
      .join("\n\n"),
  ).toBe("");
  expect(seen).toEqual(faults.map(({ kind, process }) => `${kind} ${process}`));
  return { calls, seen };
}
