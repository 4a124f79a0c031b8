import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ShardgateError, type ErrorCode } from "../../src/core/error.js";
import { adminBodyBytesMax } from "../../src/core/limits.js";
import { startAgent } from "../../src/storage-node/agent.js";
import { ShardHost } from "../../src/storage-node/shard-host.js";
import { problemOf } from "../../src/wire/problem.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { FakeGateway, type GatewayAnswer, type GatewayCall } from "./fake-gateway.js";
import { assignments, put } from "./operations.js";
import type { Answer } from "./raw-http.js";
import { drained, runNode } from "./running-node.js";
import { ScriptedEngine } from "./scripted-engine.js";

const registration = "POST /nodes";
const heartbeat = "POST /nodes/node1/heartbeat";

function ok(body: object): GatewayAnswer {
  return { status: 200, body: JSON.stringify(body) };
}

function problem(code: ErrorCode, message = "No."): GatewayAnswer {
  const body = problemOf(new ShardgateError(code, message));
  return { status: body.status, body: JSON.stringify(body) };
}

/** A gateway that knows its nodes until `forget`, and gives shard 2 to whoever registers. */
class WellBehavedGateway extends FakeGateway {
  #isKnown = false;
  mapVersion = 1;
  epochs: Record<number, number> = { 2: 5 };

  constructor() {
    super((call) => this.#answer(call));
  }

  forget(): void {
    this.#isKnown = false;
  }

  #answer({ path, body }: GatewayCall): GatewayAnswer {
    const full = assignments(this.mapVersion, this.epochs);
    const { shards: _shards, ...short } = full;
    if (path === registration) this.#isKnown = true;
    else if (!this.#isKnown) return problem("NODE_NOT_FOUND");
    return ok(path === heartbeat && body["mapVersion"] === this.mapVersion ? short : full);
  }
}

async function setUp<G extends FakeGateway>(gateway: G) {
  await gateway.start();
  const [engine, clock, log] = [new ScriptedEngine(), new FakeClock(), new RecordLog()];
  const host = await ShardHost.open({ engine, clock, log });
  const start = () => {
    const agent = startAgent({
      name: "node1",
      gatewayUrl: `${gateway.url}/`,
      advertisedUrl: "http://127.0.0.1:4001",
      incarnation: "i1",
      token: "node-token",
      host,
      clock,
      log,
    });
    onTestFinished(async () => {
      await agent.stop();
      await host.drain();
      await gateway.stop();
    });
    return agent;
  };
  /** Lets time pass until the condition holds, slowly enough for answers to arrive. */
  const until = (condition: () => void): Promise<void> =>
    vi.waitFor(
      async () => {
        await clock.advance(50);
        condition();
      },
      { interval: 2 },
    );
  const paths = () => gateway.calls.map(({ path }) => path);
  return { gateway, engine, clock, log, host, start, until, paths };
}

describe("the agent", () => {
  it("registers with what the node has, then says that it lives", async () => {
    const { gateway, host, start, until, paths, log } = await setUp(new WellBehavedGateway());
    await host.execute([put("a", "1")]);
    start();
    await until(() => expect(gateway.calls.length).toBeGreaterThan(2));
    expect(paths().slice(0, 3)).toEqual([registration, heartbeat, heartbeat]);
    expect(gateway.calls[0]?.body).toEqual({
      id: "node1",
      url: "http://127.0.0.1:4001",
      shardCount: null,
      mapVersion: null,
      clusterId: null,
      shards: [{ shardId: 2, epoch: null, keyCount: 1, sizeBytes: 2 }],
      incarnation: "i1",
    });
    expect(gateway.calls[1]?.body).toEqual({ incarnation: "i1", mapVersion: 1 });
    expect(gateway.calls.every(({ authorization }) => authorization === "Bearer node-token")).toBe(true);
    expect([host.clusterId, host.mapVersion]).toEqual(["c1", 1]);
    expect(log.lines.filter(({ message }) => message.includes("registered"))).toHaveLength(1);
  });

  it("takes newer assignments from the answer to a heartbeat", async () => {
    const { gateway, host, start, until } = await setUp(new WellBehavedGateway());
    start();
    await until(() => expect(host.mapVersion).toBe(1));
    gateway.mapVersion = 2;
    gateway.epochs = { 3: 1 };
    await until(() => expect(host.mapVersion).toBe(2));
    expect(await host.hostedShards()).toMatchObject([{ shardId: 2 }, { shardId: 3, epoch: 1 }]);
    await until(() => expect(gateway.calls.at(-1)?.body).toMatchObject({ mapVersion: 2 }));
  });

  it("registers again at once when the gateway forgot it", async () => {
    const { gateway, start, until, paths } = await setUp(new WellBehavedGateway());
    start();
    await until(() => expect(paths()).toContain(heartbeat));
    gateway.calls.length = 0;
    gateway.forget();
    await until(() => expect(paths()).toContain(registration));
    const at = paths().indexOf(registration);
    expect(paths()[at - 1]).toBe(heartbeat);
    expect(gateway.calls[at]?.body).toMatchObject({ clusterId: "c1", shards: [{ shardId: 2, epoch: 5, keyCount: 0 }] });
    await until(() => expect(paths().slice(at + 1)).toContain(heartbeat));
  });

  it("registers again when the gateway was away, and logs that once", async () => {
    const { gateway, start, until, paths, log } = await setUp(new WellBehavedGateway());
    start();
    await until(() => expect(paths()).toContain(heartbeat));
    await gateway.stop();
    await until(() => expect(log.lines.map(({ level }) => level)).toContain("warn"));
    gateway.calls.length = 0;
    await gateway.start();
    await until(() => expect(paths()).toContain(heartbeat));
    expect(paths()[0]).toBe(registration);
    expect(log.lines.filter(({ level }) => level === "warn")).toHaveLength(1);
    expect(log.lines.filter(({ message }) => message.includes("is registered"))).toHaveLength(2);
  });

  it("waits for a gateway that is not there yet", async () => {
    const { gateway, host, start, until, log, clock } = await setUp(new WellBehavedGateway());
    await gateway.stop();
    start();
    await until(() => expect(log.lines.map(({ level }) => level)).toEqual(["warn"]));
    await clock.advance(5000);
    await gateway.start();
    await until(() => expect(host.mapVersion).toBe(1));
  });

  it.each(["CLUSTER_MISMATCH", "NODE_CONFLICT"] as const)(
    "says once what to do about %s, and keeps trying",
    async (code) => {
      const { gateway, start, until, paths, log } = await setUp(new FakeGateway(() => problem(code, "Not you.")));
      start();
      await until(() => expect(paths().length).toBeGreaterThan(2));
      expect(new Set(paths())).toEqual(new Set([registration]));
      expect(log.lines).toEqual([
        {
          level: "error",
          facts: { gatewayUrl: `${gateway.url}/`, code, advice: new ShardgateError(code, "").rule.advice },
          message: "This storage node is not part of the cluster: Not you.",
        },
      ]);
    },
  );

  it("refuses to join another cluster than the one of its data", async () => {
    const { host, start, until, log } = await setUp(new WellBehavedGateway());
    await host.applyAssignments({ ...assignments(9, { 1: 1 }), clusterId: "other" });
    start();
    await until(() => expect(log.lines.at(-1)).toMatchObject({ level: "error", facts: { code: "CLUSTER_MISMATCH" } }));
    expect(host.clusterId).toBe("other");
  });

  it.each([
    ["is no JSON", { status: 200, body: "<html>" }],
    ["is no assignment", { status: 200, body: "{}" }],
    ["is a redirect", { status: 302, body: "" }],
    ["is a server's failure", { status: 502, body: "Bad gateway" }],
    ["is a retryable refusal", problem("REGISTRY_UNAVAILABLE")],
    ["is too long", { status: 200, body: `"${"x".repeat(adminBodyBytesMax)}"` }],
    ["does not come", "hang"],
  ] as const)("tries again when the answer %s", async (_what, answer) => {
    const gateway = new FakeGateway(() => answer);
    const { host, start, until, log, paths } = await setUp(gateway);
    start();
    await until(() => expect(paths().length).toBeGreaterThan(1));
    expect(log.lines.filter(({ level }) => level === "warn" || level === "error")).toHaveLength(1);
    gateway.answer = () => ok(assignments(1, { 2: 5 }));
    await until(() => expect(host.mapVersion).toBe(1));
  });

  it("tries again when the engine cannot tell its shards", async () => {
    const { engine, host, start, until, log } = await setUp(new WellBehavedGateway());
    const stats = vi.spyOn(engine, "stats").mockRejectedValue(new Error("No disk."));
    start();
    await until(() => expect(log.lines.map(({ level }) => level)).toEqual(["warn"]));
    stats.mockRestore();
    await until(() => expect(host.mapVersion).toBe(1));
  });

  it("gives up the call in flight when it stops, silently and for good", async () => {
    const gateway = new FakeGateway(() => "hang");
    const { start, until, paths, log, clock } = await setUp(gateway);
    const agent = start();
    await until(() => expect(paths()).toEqual([registration]));
    await agent.stop();
    await clock.advance(10_000);
    expect(paths()).toEqual([registration]);
    expect(log.lines).toEqual([]);
  });
});

describe("a storage node with a gateway", () => {
  it("registers under the address where it listens, or where it is told it is reached", async () => {
    const gateway = await new WellBehavedGateway().start();
    onTestFinished(() => gateway.stop());
    const { node, putValue, clock } = await runNode({ gatewayUrl: gateway.url });
    await vi.waitFor(async () => {
      expect((await putValue("/shard/2/store/a", "1", { "shard-epoch": "5" })).status).toBe(201);
    });
    expect(gateway.calls[0]?.body).toMatchObject({ id: "node1", url: node.url, incarnation: "first" });
    await drained(node, clock);
    gateway.calls.length = 0;
    await runNode({ gatewayUrl: gateway.url, advertisedUrl: "http://10.0.0.1:80" });
    await vi.waitFor(() => expect(gateway.calls[0]?.body).toMatchObject({ url: "http://10.0.0.1:80" }));
  });

  it("takes no assignments before the first answer to its registration, as long as it has none", async () => {
    let isThere = false;
    const gateway = new FakeGateway(() => (isThere ? ok(assignments(2, { 2: 6 })) : problem("OVERLOADED")));
    onTestFinished(() => gateway.stop());
    await gateway.start();
    const { send, clock } = await runNode({ gatewayUrl: gateway.url });
    const tell = (version: number, epoch: number): Promise<Answer> =>
      send("/assignments", { method: "PUT", body: JSON.stringify(assignments(version, { 2: epoch })) });
    const early = await tell(1, 5);
    expect([early.status, early.json()["code"]]).toEqual([404, "NODE_NOT_FOUND"]);
    isThere = true;
    await vi.waitFor(async () => {
      await clock.advance(50);
      expect((await tell(3, 7)).status).toBe(204);
    });
  });
});
