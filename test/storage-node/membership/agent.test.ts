import { describe, expect, it, onTestFinished, vi } from "vitest";
import { adviceFor, ShardgateError, type ErrorCode } from "../../../src/core/error.js";
import { membershipBodyBytesMax, versionsPerEpoch } from "../../../src/core/limits.js";
import { startAgent } from "../../../src/storage-node/membership/agent.js";
import { versionOf } from "../../../src/core/version.js";
import { problemOf } from "../../../src/wire/problem.js";
import { FakeGateway, type GatewayAnswer, type GatewayCall } from "./fake-gateway.js";
import { assignments, claimed, put } from "../operations.js";
import type { Answer } from "../raw-http.js";
import { openHost } from "../running-host.js";
import { drained, runNode } from "../running-node.js";
import { ScriptedEngine } from "../shards/scripted-engine.js";
import { startsAtOnceMax, startPauseMs } from "../../../src/storage-node/identity/node-state.js";

const registration = "POST /nodes";
const heartbeat = "POST /nodes/node1/heartbeat";

function ok(body: object): GatewayAnswer {
  return { status: 200, body: JSON.stringify(body) };
}

function problem(code: ErrorCode, message = "No.", details: Readonly<Record<string, unknown>> = {}): GatewayAnswer {
  const body = problemOf(new ShardgateError(code, message, details));
  return { status: body.status, body: JSON.stringify(body) };
}

/** Of a node of cluster c1 that was started once before. */
const memberDocument = JSON.stringify({
  storeId: "store7",
  clusterId: "c1",
  shardCount: 4,
  mapVersion: 0,
  starts: [{ id: "i0", atMs: 0 }],
  acknowledgedStart: "i0",
});

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

async function setUp<G extends FakeGateway>(
  gateway: G,
  engine = new ScriptedEngine(),
  others: readonly FakeGateway[] = [],
) {
  for (const each of [gateway, ...others]) await each.start();
  const { clock, log, host } = await openHost(engine, { hasGateway: true, start: "i1" });
  const start = () => {
    const agent = startAgent({
      name: "node1",
      gatewayUrls: [`${gateway.url}/`, ...others.map(({ url }) => url)],
      advertisedUrl: "http://127.0.0.1:4001",
      incarnation: "i1",
      isEphemeral: !engine.isDurable,
      token: "node-token",
      host,
      clock,
      log,
    });
    onTestFinished(async () => {
      await agent.stop();
      await host.drain();
      for (const each of [gateway, ...others]) await each.stop();
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
    const engine = await claimed(new ScriptedEngine(), { 3: 4 });
    await engine.changeState(() => ({ document: memberDocument, claims: [] }));
    const { gateway, host, start, until, paths, log } = await setUp(new WellBehavedGateway(), engine);
    start();
    await until(() => expect(gateway.calls.length).toBeGreaterThan(2));
    expect(paths().slice(0, 3)).toEqual([registration, heartbeat, heartbeat]);
    const sequence = 3 * versionsPerEpoch;
    expect(gateway.calls[0]?.body).toEqual({
      id: "node1",
      url: "http://127.0.0.1:4001",
      clusterId: "c1",
      shardCount: 4,
      mapVersion: 0,
      shards: [
        { shardId: 3, epoch: 4, releasedEpoch: 0, lineage: 0, sequence, sealedFor: null, keyCount: 0, sizeBytes: 0 },
      ],
      storeId: "store7",
      isEphemeral: false,
      starts: ["i1", "i0"],
      mark: null,
      incarnation: "i1",
    });
    expect(gateway.calls[1]?.body).toEqual({ incarnation: "i1", mapVersion: 1 });
    expect(gateway.calls.every(({ authorization }) => authorization === "Bearer node-token")).toBe(true);
    expect([host.document.clusterId, host.document.mapVersion, host.isAcknowledged]).toEqual(["c1", 1, true]);
    expect(log.lines.filter(({ message }) => message.includes("registered"))).toHaveLength(1);
  });

  it("takes newer assignments from the answer to a heartbeat", async () => {
    const { gateway, host, start, until } = await setUp(new WellBehavedGateway());
    start();
    await until(() => expect(host.document.mapVersion).toBe(1));
    gateway.mapVersion = 2;
    gateway.epochs = { 3: 1 };
    await until(() => expect(host.document.mapVersion).toBe(2));
    expect(await host.hostedShards()).toMatchObject([
      { shardId: 2, releasedEpoch: 5 },
      { shardId: 3, epoch: 1 },
    ]);
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
    expect(gateway.calls[at]?.body).toMatchObject({ incarnation: "i1", starts: ["i1"] });
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
    expect(log.lines.filter(({ message }) => message.includes("has registered with"))).toHaveLength(2);
  });

  it("names what it claimed while it stood alone, so that the cluster's epochs come after that", async () => {
    const engine = await claimed(new ScriptedEngine(), { 2: 1 });
    await engine.write([put("a", "1")], 0);
    const { gateway, start, until, paths } = await setUp(new WellBehavedGateway(), engine);
    start();
    await until(() => expect(paths()).toContain(registration));
    expect(gateway.calls[0]?.body).toMatchObject({
      clusterId: null,
      shards: [{ shardId: 2, epoch: 1, releasedEpoch: 0, keyCount: 1 }],
    });
  });

  it("says that its store forgets everything", async () => {
    const engine = new ScriptedEngine();
    engine.isDurable = false;
    const { gateway, start, until } = await setUp(new WellBehavedGateway(), engine);
    start();
    await until(() => expect(gateway.calls[0]?.body).toMatchObject({ isEphemeral: true }));
  });

  it("does not take an answer for its acknowledgement that is older than what it knows, and registers again", async () => {
    const { gateway, host, start, until, paths, log } = await setUp(new WellBehavedGateway());
    await host.applyAssignments(assignments(5, { 2: 9 }));
    start();
    await until(() => expect(paths().length).toBeGreaterThan(2));
    expect([new Set(paths()), host.isAcknowledged]).toEqual([new Set([registration]), false]);
    expect(log.lines.at(-1)).toMatchObject({ level: "warn" });
    gateway.mapVersion = 6;
    await until(() => expect(host.isAcknowledged).toBe(true));
  });

  it("asks for a new epoch for shards whose versions run out, until they have it", async () => {
    const { gateway, engine, host, start, until } = await setUp(new WellBehavedGateway());
    start();
    await until(() => expect(host.isAcknowledged).toBe(true));
    const facts = { version: versionOf(5 * versionsPerEpoch), createdAtMs: 0, updatedAtMs: 0, expiresAtMs: null };
    engine.writeAnswers = [[{ kind: "written", isNew: true, facts }]];
    await host.execute([put("a", "1", { epoch: 5 })]);
    await until(() => expect(gateway.calls.at(-1)?.body).toMatchObject({ exhausted: [{ shardId: 2, epoch: 5 }] }));
    gateway.mapVersion = 2;
    gateway.epochs = { 2: 6 };
    await until(() => expect(gateway.calls.at(-1)?.body).toEqual({ incarnation: "i1", mapVersion: 2 }));
  });

  it("waits for a gateway that is not there yet", async () => {
    const { gateway, host, start, until, log, clock } = await setUp(new WellBehavedGateway());
    await gateway.stop();
    start();
    await until(() => expect(log.lines.map(({ level }) => level)).toEqual(["warn"]));
    await clock.advance(5000);
    await gateway.start();
    await until(() => expect(host.document.mapVersion).toBe(1));
  });

  it.each([
    ["UNAUTHENTICATED", "with the same --cluster-secret-file."],
    ["FORBIDDEN", "with the same --cluster-secret-file."],
    ["BAD_REQUEST", "with other options, as the message says."],
  ] as const)("says after %s how to start it, not how to send a request", async (code, advice) => {
    const { start, until, log } = await setUp(new FakeGateway(() => problem(code, "Not you.")));
    start();
    await until(() =>
      expect(log.lines[0]?.facts["advice"]).toMatch(new RegExp(`^Start the storage node.* ${advice}$`)),
    );
  });

  it.each(["CLUSTER_MISMATCH", "NODE_CONFLICT", "STORE_NOT_RECOGNIZED"] as const)(
    "says once what to do about %s, and keeps trying",
    async (code) => {
      const { gateway, start, until, paths, log } = await setUp(new FakeGateway(() => problem(code, "Not you.")));
      start();
      await until(() => expect(paths().length).toBeGreaterThan(2));
      expect(new Set(paths())).toEqual(new Set([registration]));
      expect(log.lines).toEqual([
        {
          level: "error",
          facts: { gatewayUrl: `${gateway.url}/`, code, advice: adviceFor(code, "node1") },
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
    expect(host.document.clusterId).toBe("other");
  });

  it.each([
    ["is no JSON", { status: 200, body: "<html>" }],
    ["is no assignment", { status: 200, body: "{}" }],
    ["is a redirect", { status: 302, body: "" }],
    ["is a server's failure", { status: 502, body: "Bad gateway" }],
    ["is a retryable refusal", problem("REGISTRY_UNAVAILABLE")],
    ["is too long", { status: 200, body: `"${"x".repeat(membershipBodyBytesMax)}"` }],
    ["does not come", "hang"],
  ] as const)("tries again when the answer %s", async (_what, answer) => {
    const gateway = new FakeGateway(() => answer);
    const { host, start, until, log, paths } = await setUp(gateway);
    start();
    await until(() => expect(paths().length).toBeGreaterThan(1));
    expect(log.lines.filter(({ level }) => level === "warn" || level === "error")).toHaveLength(1);
    gateway.answer = () => ok(assignments(1, { 2: 5 }));
    await until(() => expect(host.document.mapVersion).toBe(1));
  });

  it("says once that there is no usable answer, however differently that is put each second", async () => {
    let count = 0;
    const gateway = new FakeGateway(() =>
      ++count % 3 === 0 ? "hang" : problem(count % 2 === 0 ? "REGISTRY_UNAVAILABLE" : "OVERLOADED", `Try ${count}.`),
    );
    const { start, until, log, paths } = await setUp(gateway);
    start();
    await until(() => expect(paths().length).toBeGreaterThan(6));
    expect(log.lines.map(({ level }) => level)).toEqual(["warn"]);
  });

  it("tries again when the engine cannot tell its shards", async () => {
    const { engine, host, start, until, log } = await setUp(new WellBehavedGateway());
    const stats = vi.spyOn(engine, "stats").mockRejectedValue(new Error("No disk."));
    start();
    await until(() => expect(log.lines.map(({ level }) => level)).toEqual(["warn"]));
    stats.mockRestore();
    await until(() => expect(host.document.mapVersion).toBe(1));
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

describe("the agent with several gateways", () => {
  /** A leader, and a follower that names it and passes on what it is sent while the leader answers. */
  async function leaderAndFollower() {
    const leader = new WellBehavedGateway();
    const follower = new FakeGateway((call) => {
      const answer = leader.answer(call);
      const isUsable = answer !== "hang" && answer.status === 200;
      return isUsable ? ok({ ...(JSON.parse(answer.body) as object), leader: leader.url }) : answer;
    });
    return { leader, follower, ...(await setUp<FakeGateway>(follower, new ScriptedEngine(), [leader])) };
  }

  it("reports to the leader that the first answer names", async () => {
    const { leader, follower, start, until } = await leaderAndFollower();
    start();
    await until(() => expect(leader.calls.length).toBeGreaterThan(2));
    expect(follower.calls.map(({ path }) => path)).toEqual([registration]);
    expect(new Set(leader.calls.map(({ path }) => path))).toEqual(new Set([heartbeat]));
  });

  it("reports to another gateway within two seconds when the leader hangs, and within one when it refuses connections", async () => {
    const { leader, follower, start, until, clock, log } = await leaderAndFollower();
    start();
    await until(() => expect(leader.calls.length).toBeGreaterThan(1));
    const others = new WellBehavedGateway();
    follower.answer = others.answer;
    follower.calls.length = 0;
    leader.answer = () => "hang";
    let sinceMs = clock.monotonicMs();
    await until(() => expect(follower.calls).not.toEqual([]));
    expect(clock.monotonicMs() - sinceMs).toBeLessThanOrEqual(2_100);
    expect(follower.calls[0]?.path).toBe(heartbeat);
    await until(() => expect(follower.calls.length).toBeGreaterThan(2));
    expect(follower.calls.slice(0, 3).map(({ path }) => path)).toEqual([heartbeat, registration, heartbeat]);

    leader.answer = others.answer;
    await follower.stop();
    sinceMs = clock.monotonicMs();
    leader.calls.length = 0;
    await until(() => expect(leader.calls).not.toEqual([]));
    expect(clock.monotonicMs() - sinceMs).toBeLessThanOrEqual(1_100);
    expect(log.lines.filter(({ level }) => level === "error")).toEqual([]);
  });

  it("says that no gateway answers, once, and registers when one is back", async () => {
    const { leader, follower, start, until, log, host } = await leaderAndFollower();
    await Promise.all([leader.stop(), follower.stop()]);
    start();
    const message = expect.stringContaining("No gateway sends a usable answer");
    await until(() => expect(log.lines).toContainEqual(expect.objectContaining({ level: "warn", message })));
    await leader.start();
    await until(() => expect(host.isAcknowledged).toBe(true));
    expect(log.lines.filter(({ message: text }) => text.startsWith("No gateway"))).toHaveLength(1);
  });
});

describe("the agent and a registry that was restored", () => {
  it("registers anew at once with the mark that the answer to its registration names", async () => {
    const gateway = new FakeGateway(({ body }) =>
      body["mark"] === "m1"
        ? ok(assignments(1, { 2: 5 }))
        : problem("REGISTRY_PUT_BACK", "An older copy.", { mark: "m1" }),
    );
    const { host, start, clock, until, log } = await setUp(gateway);
    const startedMs = clock.monotonicMs();
    start();
    await vi.waitFor(() => expect(host.isAcknowledged).toBe(true));
    expect(gateway.calls.map(({ body }) => body["mark"])).toEqual([null, "m1"]);
    expect(clock.monotonicMs()).toBe(startedMs);
    expect(log.lines).toMatchObject([{ level: "warn", facts: { mark: "m1" } }, { level: "info" }, { level: "info" }]);
    await until(() => expect(gateway.calls.at(-1)?.path).toBe(heartbeat));
  });

  it("registers anew with the mark that the answer to a heartbeat names", async () => {
    const gateway = new WellBehavedGateway();
    const wellBehaved = gateway.answer;
    const { host, start, until } = await setUp(gateway);
    start();
    await until(() => expect(host.isAcknowledged).toBe(true));
    gateway.calls.length = 0;
    let isMarked = true;
    gateway.answer = (call) => {
      if (call.body["mark"] === "m2") isMarked = false;
      return isMarked ? problem("REGISTRY_PUT_BACK", "An older copy.", { mark: "m2" }) : wellBehaved(call);
    };
    await until(() => expect(gateway.calls.length).toBeGreaterThan(2));
    expect(gateway.calls.slice(0, 3)).toMatchObject([
      { path: heartbeat },
      { path: registration, body: { mark: "m2", incarnation: "i1" } },
      { path: heartbeat },
    ]);
  });

  it("tries again each second, without a storm, while the registry takes no registration", async () => {
    const gateway = new FakeGateway(() => problem("REGISTRY_PUT_BACK", "An older copy.", { mark: "m1" }));
    const { host, start, until, clock, log } = await setUp(gateway);
    const startedMs = clock.monotonicMs();
    start();
    await until(() => expect(gateway.calls.length).toBeGreaterThan(4));
    const seconds = (clock.monotonicMs() - startedMs) / 1000;
    expect(gateway.calls.length).toBeLessThanOrEqual(seconds + 2);
    expect(host.isAcknowledged).toBe(false);
    expect(log.lines.map(({ level }) => level)).toEqual(["warn", "warn"]);
  });
});

describe("the agent of a storage node that restarts in a loop", () => {
  async function restarted(times: number) {
    const engine = new ScriptedEngine();
    const atMs = (await openHost()).clock.nowMs();
    const starts = Array.from({ length: times }, (_, index) => ({ id: `earlier${index}`, atMs }));
    const document = JSON.stringify({ ...(JSON.parse(memberDocument) as object), starts });
    await engine.changeState(() => ({ document, claims: [] }));
    return setUp(new WellBehavedGateway(), engine);
  }

  it("registers at once after a few starts", async () => {
    const { gateway, start, clock, log } = await restarted(startsAtOnceMax - 1);
    start();
    await vi.waitFor(() => expect(gateway.calls).toHaveLength(1));
    expect(clock.monotonicMs()).toBe(0);
    await vi.waitFor(() => expect(log.lines.at(-1)?.message).toContain("has registered with"));
  });

  it("waits before it registers, and says why", async () => {
    const { gateway, start, clock, log, host } = await restarted(startsAtOnceMax);
    start();
    await clock.advance(startPauseMs - 1);
    expect(gateway.calls).toEqual([]);
    expect(log.lines).toMatchObject([{ level: "warn", facts: { pauseMs: startPauseMs } }]);
    await clock.advance(1);
    await vi.waitFor(() => expect(host.isAcknowledged).toBe(true));
  });

  it("can be stopped while it waits", async () => {
    const { gateway, start, clock } = await restarted(startsAtOnceMax);
    const agent = start();
    await agent.stop();
    await clock.advance(2 * startPauseMs);
    expect(gateway.calls).toEqual([]);
  });
});

describe("a storage node with a gateway", () => {
  it("registers under the address where it listens, or at the address that the options advertise", async () => {
    const gateway = await new WellBehavedGateway().start();
    onTestFinished(() => gateway.stop());
    const { node, putValue, clock } = await runNode({ gatewayUrls: [gateway.url] });
    await vi.waitFor(async () => {
      expect((await putValue("/shard/2/store/a", "1", { "shard-epoch": "5" })).status).toBe(201);
    });
    expect(gateway.calls[0]?.body).toMatchObject({ id: "node1", url: node.url, incarnation: "first" });
    await drained(node, clock);
    gateway.calls.length = 0;
    await runNode({ gatewayUrls: [gateway.url], advertisedUrl: "http://10.0.0.1:80" });
    await vi.waitFor(() => expect(gateway.calls[0]?.body).toMatchObject({ url: "http://10.0.0.1:80" }));
  });

  it("takes no assignments before its start is acknowledged", async () => {
    let isThere = false;
    const gateway = new FakeGateway(() => (isThere ? ok(assignments(2, { 2: 6 })) : problem("OVERLOADED")));
    onTestFinished(() => gateway.stop());
    await gateway.start();
    const { send, clock } = await runNode({ gatewayUrls: [gateway.url] });
    const tell = (version: number, epoch: number): Promise<Answer> =>
      send("/assignments", { method: "PUT", body: JSON.stringify(assignments(version, { 2: epoch })) });
    const early = await tell(1, 5);
    expect([early.status, early.json()["code"]]).toEqual([404, "NODE_NOT_FOUND"]);
    isThere = true;
    await vi.waitFor(
      async () => {
        await clock.advance(50);
        expect((await tell(3, 7)).status).toBe(204);
      },
      { interval: 2 },
    );
  });
});
