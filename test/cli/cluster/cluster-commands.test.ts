/** shard, node, status and check with a whole gateway over storage nodes in memory. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NodeFault } from "../../../src/routing/node-client/node-client.js";
import { startTestGateway, type TestGateway } from "../../gateway/test-gateway.js";
import { runCommand, type CommandRun, type RunOptions } from "../run-command.js";
import { downAfterMs } from "../../../src/registry/liveness.js";

let gateway: TestGateway;

beforeEach(async () => {
  gateway = await startTestGateway({ nodesMin: 2 });
});
afterEach(() => gateway.close());

const run = (argv: readonly string[], options?: RunOptions): Promise<CommandRun> =>
  runCommand([...argv, "-e", gateway.url], options);
const json = async (...argv: string[]): Promise<unknown> => JSON.parse((await run([...argv, "-o", "json"])).out);
const node = (name: string, state = "UP") => ({ name, url: `http://${name}:8000`, state });

describe("shard ls and get", () => {
  it("show owners, epochs, keys and bytes", async () => {
    await gateway.register("node1", "node2");
    await run(["put", "user123", "[1,2]"]);
    const { out } = await run(["shard", "ls"]);
    expect(out.split("\n")).toEqual([
      "shard  state   epoch  primary  keys  bytes  url",
      "    0  ACTIVE      1  node1       0      0  http://node1:8000",
      "    1  ACTIVE      1  node1       0      0  http://node1:8000",
      "    2  ACTIVE      1  node2       1     12  http://node2:8000",
      "    3  ACTIVE      1  node2       0      0  http://node2:8000",
      "",
    ]);
    const shard = { number: 2, state: "ACTIVE", epoch: 1, primary: node("node2"), keyCount: 1, sizeBytes: 12 };
    expect(await json("shard", "ls")).toHaveLength(4);
    expect(await json("shard", "ls")).toContainEqual(shard);
    expect(await json("shard", "get", "2")).toEqual(shard);
    expect((await run(["shard", "get", "2"])).out).toMatch(/^shard .*\n +2 .*\n$/);
  });

  it("show shards without an owner", async () => {
    expect((await run(["shard", "get", "0"])).out).toMatch(/\n +0  UNASSIGNED +0  - +-  +-  -\n$/);
    expect(await json("shard", "get", "0")).toMatchObject({ primary: null, keyCount: null, sizeBytes: null });
  });

  it.each(["get", "history"])("report with %s that there is no such shard", async (command) => {
    expect(await run(["shard", command, "4"])).toEqual({ code: 3, out: "", err: "shardgate: there is no shard 4.\n" });
    expect(await run(["shard", command, "x"])).toMatchObject({ code: 2 });
  });
});

describe("shard locate", () => {
  it("shows the shard of a key and its owner", async () => {
    await gateway.register("node1", "node2");
    expect((await run(["shard", "locate", "user123"])).out).toBe(
      "key      shard  state   epoch  primary  url\nuser123      2  ACTIVE      1  node2    http://node2:8000\n",
    );
    expect(await json("shard", "locate", "user123")).toEqual({
      number: 2,
      state: "ACTIVE",
      epoch: 1,
      primary: node("node2"),
      key: "user123",
    });
  });

  it("computes it without a gateway when the number of shards is given", async () => {
    const offline = ["shard", "locate", "user123", "--shards", "4", "-e", "http://127.0.0.1:1"];
    expect(await runCommand(offline)).toEqual({ code: 0, out: "key      shard\nuser123      2\n", err: "" });
    expect((await runCommand([...offline, "-o", "json"])).out).toBe('{"number":2,"shardCount":4,"key":"user123"}\n');
    expect(await runCommand(["shard", "locate", "k", "--shards", "0"])).toMatchObject({ code: 2 });
  });
});

describe("shard assign and history", () => {
  beforeEach(() => gateway.register("node1", "node2"));

  it("assign a shard to another node, and show its former owners", async () => {
    expect((await run(["shard", "assign", "0", "node2", "--if-epoch", "1"])).out).toMatch(/\n +0 .* 2  node2 /);
    expect(await json("shard", "assign", "0", "node1")).toMatchObject({
      number: 0,
      epoch: 3,
      primary: { name: "node1" },
    });
    const { out } = await run(["shard", "history", "0"]);
    expect(out).toMatch(
      /^epoch  primary  cause {6}at\n +3  node1 {4}OPERATOR .*\n +2  node2 .*\n +1  node1 {4}AUTOMATIC /,
    );
    expect(await json("shard", "history", "0")).toMatchObject([
      { epoch: 3, storageNodeName: "node1", isPrimary: true, cause: "OPERATOR" },
      { epoch: 2 },
      { epoch: 1 },
    ]);
  });

  it("refuse an old epoch and an unknown node", async () => {
    expect(await run(["shard", "assign", "0", "node2", "--if-epoch", "9"])).toMatchObject({ code: 4, out: "" });
    expect(await run(["shard", "assign", "0", "node9"])).toMatchObject({ code: 3, out: "" });
    expect(await run(["shard", "assign", "4", "node1"])).toMatchObject({ code: 3, out: "" });
    expect(await run(["shard", "assign", "0", "no/de"])).toMatchObject({ code: 2 });
  });

  it("hide data only when forced, and after confirmation", async () => {
    await run(["put", "user123", "1"]);
    const argv = ["shard", "assign", "2", "node1"];
    expect((await run(argv)).err).toContain("ASSIGNMENT_WOULD_HIDE_DATA");
    expect((await run(argv)).code).toBe(4);
    expect(await run([...argv, "--force"])).toMatchObject({ code: 2, out: "" });
    expect((await run([...argv, "--force"], { isTerminal: true, input: "n\n" })).code).toBe(1);
    const { code, err } = await run([...argv, "--force"], { isTerminal: true, input: "y\n" });
    expect(code).toBe(0);
    expect(err).toContain("Assign shard 2 to node1 at ");
    expect((await run(["shard", "assign", "2", "node2", "--force", "--yes"])).code).toBe(0);
  });
});

describe("node ls, add and rm", () => {
  it("add a node, list it and remove it", async () => {
    // A plain node, because a full one is live only once it has registered by itself.
    gateway.node("mine", "plain");
    expect((await run(["node", "ls"])).out).toBe("");
    expect(await json("node", "ls")).toEqual([]);
    const added = await run(["node", "add", "mine", "http://127.0.0.1:9000"]);
    expect(added.out).toMatch(
      /^name  state +shards  latency  last seen +url\nmine  \S+ +0 .*http:\/\/127\.0\.0\.1:9000\n$/,
    );
    expect(await run(["node", "add", "mine", "http://127.0.0.1:9001"])).toMatchObject({ code: 4, out: "" });
    expect(await json("node", "add", "mine", "http://127.0.0.1:9000")).toMatchObject({ name: "mine", shards: [] });
    expect(await json("node", "ls")).toMatchObject([{ name: "mine", url: "http://127.0.0.1:9000" }]);
    expect(await run(["node", "rm", "mine"])).toMatchObject({ code: 2, out: "" });
    expect(await json("node", "rm", "mine", "--yes", "--force")).toEqual({ name: "mine", unassignedShards: [] });
    expect((await run(["node", "rm", "mine", "--yes"])).code).toBe(3);
  });

  it("remove a live node only when forced, and after confirmation", async () => {
    await gateway.register("node1", "node2");
    expect(await run(["node", "rm", "node1", "--yes"])).toMatchObject({ code: 4, out: "" });
    const { code, out, err } = await run(["node", "rm", "node1", "--force"], { isTerminal: true, input: "y\n" });
    expect(code).toBe(0);
    expect(err).toContain("Remove storage node node1, even if it is live or has data, at ");
    expect(out).toContain("node1");
    expect(out).toContain("0,1");
  });

  it("show how long the latest answers took", async () => {
    await gateway.register("node1", "node2");
    await run(["put", "user123", "1"]);
    expect((await run(["node", "ls"])).out).toMatch(/node2  UP +2 +\d+\.\d ms/);
  });

  it("do not accept the options of the storage node itself", async () => {
    expect(await run(["node", "ls", "--port", "1"])).toMatchObject({ code: 2 });
    expect(await run(["node", "add", "mine", "ftp://x"])).toMatchObject({ code: 2 });
    expect((await runCommand(["node", "list"])).err).toContain("too many arguments for 'node'");
  });
});

describe("status", () => {
  it("shows the cluster at a glance", async () => {
    await gateway.register("node1", "node2");
    await run(["put", "user123", "[1,2]"]);
    const { code, out } = await run(["status"]);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^cluster {6}\S+\nhealth {7}every shard has a live primary\nmap version  \d+\nshards {7}4\nkeys {9}1\n/,
    );
    expect(out).toMatch(
      /\n\nname   state  shards  keys  bytes  latency  last seen .*\nnode1 .*\nnode2  UP {10}2     1     12 /,
    );
    expect(await json("status")).toMatchObject({
      isHealthy: true,
      shardCount: 4,
      shardStates: { active: 4, unavailable: 0, unassigned: 0 },
      keyCount: 1,
      sizeBytes: 12,
      storageNodes: [
        { name: "node1", keyCount: 0, shards: [0, 1], problem: null, staleShards: [] },
        { name: "node2", keyCount: 1, shards: [2, 3] },
      ],
    });
  });

  it("lists the gateways when there are several, the leader first", async () => {
    expect((await run(["status"])).out).not.toContain("leader");
    const beat = { url: "http://g2:4000", mapVersion: 2, leaderId: "l1", seen: [], refused: [] };
    await gateway.services.membership.peers.beatFrom("g2:4000", beat);
    expect((await run(["status"])).out).toMatch(
      /\n\ngateway  role      map version  last seen +url\n- {8}leader +2  2026\S+ +-\ng2:4000  follower +2  2026\S+ +http:\/\/g2:4000\n$/,
    );
    expect(await json("status")).toMatchObject({
      gateways: [
        { name: null, isLeader: true },
        { name: "g2:4000", url: "http://g2:4000", isLeader: false, mapVersion: 2 },
      ],
    });
  });

  it("has no totals when a primary does not report its own, and no table without nodes", async () => {
    expect((await run(["status"])).out).toMatch(/health {7}4 of 4 shards lack .*\n(.*\n)*keys {9}0\nbytes {8}0\n$/);
    await gateway.register("node1", "node2");
    gateway.node("node2").injectFault = () => ({ fault: new NodeFault("timeout", "silent", false) });
    expect((await run(["status"])).out).toMatch(/\nkeys {9}-\nbytes {8}-\n/);
    expect(await json("status")).toMatchObject({ keyCount: null, storageNodes: [{ keyCount: 0 }, { keyCount: null }] });
  });
});

describe("check", () => {
  it("succeeds when every shard has a live primary", async () => {
    await gateway.register("node1", "node2");
    expect(await run(["check"])).toEqual({ code: 0, out: "ok: all 4 shards have a live primary\n", err: "" });
    expect(await json("check")).toEqual({ isHealthy: true, shardCount: 4, missingShards: [] });
  });

  it("fails with the reason when shards have no owner", async () => {
    expect(await run(["check"])).toEqual({
      code: 1,
      out: "",
      err: "shardgate: 4 of 4 shards lack a live primary: shards 0, 1, 2, 3 (no storage node owns it)\n",
    });
  });

  it("fails with the reason when a primary is down", async () => {
    await gateway.register("node1", "node2");
    await gateway.clock.advance(downAfterMs);
    gateway.services.membership.heartbeat("node2", { incarnation: "node2", mapVersion: 1 });
    const ended = await run(["check", "-o", "json"]);
    expect(ended.code).toBe(1);
    expect(ended.err).toBe("shardgate: 2 of 4 shards lack a live primary: shards 0, 1 (node1 is DOWN)\n");
    expect(JSON.parse(ended.out)).toMatchObject({
      isHealthy: false,
      shardCount: 4,
      missingShards: [{ number: 0, primary: node("node1", "DOWN") }, { number: 1 }],
    });
  });
});

describe("check of a large cluster", () => {
  it("names some of the shards and how many more there are", async () => {
    const large = await startTestGateway({ shardCount: 64 });
    const { err } = await runCommand(["check", "-e", large.url]);
    expect(err).toBe(
      "shardgate: 64 of 64 shards lack a live primary: shards 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 54 more (no storage node owns it)\n",
    );
    await large.close();
  });
});
