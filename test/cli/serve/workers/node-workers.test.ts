import { describe, expect, it } from "vitest";
import { aloneAsNode, joinAsNode, runNodeWorkers } from "../../../../src/cli/serve/workers/node-workers.js";
import type { StorageNode } from "../../../../src/storage-node/node-server.js";
import { Peer, peerCallTimeoutMs } from "../../../../src/wire/peer.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { linePair } from "../../../support/line-pair.js";
import { RecordLog } from "../../../support/record-log.js";
import { testEnvironment } from "../../test-environment.js";
import { FakeSeat } from "./fake-seat.js";

const url = "http://127.0.0.1:4001";
const metrics = async () => [{ name: "counted" }];
const node = { url, metrics } as Partial<StorageNode> as StorageNode;

describe("a storage node alone", () => {
  it("says where it listens", () => {
    const environment = testEnvironment({ newId: () => "drawn" });
    const log = new RecordLog();
    const role = aloneAsNode(log, environment);
    role.serves(node);
    expect(environment.written.out).toBe(`listening ${url}\n`);
    expect(role).toMatchObject({ log, worker: null, incarnation: "drawn" });
  });
});

describe("a worker of a storage node", () => {
  async function join(worker: number) {
    const { ends } = linePair();
    const clock = new FakeClock();
    const log = new RecordLog();
    const told: unknown[] = [];
    const calls = {
      begin: () => ({ worker, incarnation: "i1" }),
      listening: (at: string) => void told.push(at),
      metrics: () => (worker === 1 ? "all" : new Promise(() => undefined)),
    };
    const primary = new Peer<{ figures: (nothing: null) => Promise<object[]> }>({ line: ends[0], calls, clock, log });
    const logs: number[] = [];
    const role = await joinAsNode(
      { kind: "worker", line: ends[1], leave() {} },
      {
        clock,
        log,
        logOf(number) {
          logs.push(number);
          return log;
        },
      },
    );
    return { clock, primary, role, told, logs };
  }

  it("begins with what its primary says, and tells it where it listens", async () => {
    const { role, primary, told, logs } = await join(1);
    expect(role).toMatchObject({ incarnation: "i1", worker: { isFirst: true } });
    expect(logs).toEqual([1]);
    expect(await primary.ask("figures", null)).toEqual([]);
    role.serves(node);
    await settle();
    expect(told).toEqual([url]);
    expect(await primary.ask("figures", null)).toEqual([{ name: "counted" }]);
    expect(await role.worker?.metricsText()).toBe("all");
  });

  it("is the first only when it is, and has no metrics while its primary is silent", async () => {
    const { role, clock } = await join(2);
    expect(role.worker?.isFirst).toBe(false);
    const text = role.worker?.metricsText();
    const failed = expect(text).rejects.toMatchObject({ code: "OVERLOADED" });
    await settle();
    await clock.advance(peerCallTimeoutMs);
    await failed;
  });
});

describe("the primary of a storage node", () => {
  it("gives all workers one incarnation, says where they listen when all do, and ends when they have", async () => {
    const seat = new FakeSeat((worker) => void worker.serve());
    const environment = testEnvironment();
    const log = new RecordLog();
    const running = runNodeWorkers(seat, { count: 2, environment, log });
    for (; environment.written.out === "";) await settle();
    expect(environment.written.out).toBe(`listening ${url}\n`);
    const [first, second] = seat.workers.map(({ begun }) => begun as { readonly incarnation: string });
    expect(first).toEqual({ incarnation: expect.any(String) as string, count: 2, worker: 1 });
    expect(second).toEqual({ incarnation: first?.incarnation, count: 2, worker: 2 });
    const peer = await seat.last.begin();
    expect(await peer.ask("metrics", null)).toContain("process_cpu_seconds_total");
    environment.send("SIGTERM");
    await running;
    expect(seat.workers.map(({ signals }) => signals)).toEqual([["SIGTERM"], ["SIGTERM"]]);
    expect(log.lines.at(-2)).toMatchObject({ facts: { reason: "SIGTERM" } });
    expect(environment.handlers.size).toBe(0);
  });

  it("passes Ctrl-C on as such, so that workers know that a person stops them", async () => {
    const seat = new FakeSeat((worker) => void worker.serve());
    const environment = testEnvironment();
    const running = runNodeWorkers(seat, { count: 2, environment, log: new RecordLog() });
    for (; environment.written.out === "";) await settle();
    environment.send("SIGINT");
    await running;
    expect(seat.workers.map(({ signals }) => signals)).toEqual([["SIGINT"], ["SIGINT"]]);
  });

  it("stops while its workers start", async () => {
    const seat = new FakeSeat();
    const environment = testEnvironment();
    const running = runNodeWorkers(seat, { count: 2, environment, log: new RecordLog() });
    for (; seat.workers.length === 0;) await settle();
    environment.send("SIGINT");
    await running;
    expect([seat.workers.length, environment.written.out]).toEqual([1, ""]);
  });

  it("ends all when one cannot start, with the exit code of that one", async () => {
    const seat = new FakeSeat((worker) => (worker.pid === 1000 ? void worker.serve() : worker.end(1)));
    const environment = testEnvironment();
    const running = runNodeWorkers(seat, { count: 3, environment, log: new RecordLog() });
    await expect(running).rejects.toMatchObject({ name: "ToldFailure", exitCode: 1 });
    expect(seat.workers[0]?.signals).toEqual(["SIGTERM"]);
    expect(environment.handlers.size).toBe(0);
  });
});
