/** The primary's seat with real processes; a worker's own seat is tested in test/end-to-end/workers.test.ts. */
import cluster from "node:cluster";
import path from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { systemSeat } from "../../../src/cli/environment/system-seat.js";
import type { PrimarySeat } from "../../../src/cli/environment/worker-process.js";

let seat: PrimarySeat;
beforeAll(() => {
  cluster.setupPrimary({ exec: path.join(import.meta.dirname, "echo-worker.mjs"), args: [], execArgv: [] });
  const found = systemSeat();
  if (found.kind !== "primary") throw new Error("The tests run in no primary.");
  seat = found;
});
afterAll(() => {
  for (const worker of Object.values(cluster.workers ?? {})) worker?.process.kill("SIGKILL");
});

it("distributes connections in turn", () => expect(cluster.schedulingPolicy).toBe(cluster.SCHED_RR));

it("transfers messages in both directions, and reports the exit code of a worker", async () => {
  const worker = seat.fork();
  expect(worker.pid).toBeGreaterThan(0);
  const heard: unknown[] = [];
  worker.line.onMessage((message) => {
    heard.push(message);
    if (message === "here") worker.line.send({ kind: "tell", name: "hello" });
  });
  await vi.waitFor(() => expect(heard).toEqual(["here", { echo: { kind: "tell", name: "hello" } }]));
  worker.line.send("end");
  expect(await worker.exited).toEqual({ code: 3, how: "exit code 3" });
  // The worker has ended, which is not a failure.
  worker.line.send("lost");
});

it("ends a worker, and reports by which signal", async () => {
  const worker = seat.fork();
  worker.kill("SIGKILL");
  expect(await worker.exited).toEqual({ code: null, how: "SIGKILL" });
});
