/**
 * How `status`, `node ls` and `node accept-loss` present storage nodes that lost their data, with answers of a fake
 * gateway.
 */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FakeGateway } from "../fake-gateway.js";
import { runCommand, type CommandRun, type RunOptions } from "../run-command.js";

let gateway: FakeGateway;
/** The `data` of the answer to each request. */
let data: object;

beforeEach(async () => {
  gateway = new FakeGateway();
  gateway.interrupt = () => ({ body: JSON.stringify({ data }) });
  await gateway.start();
});
afterEach(() => gateway.stop());

const run = (argv: readonly string[], options?: RunOptions): Promise<CommandRun> =>
  runCommand([...argv, "-e", gateway.url], options);

const healthy = { url: "http://n", state: "UP", latencyMs: null, lastSeenAt: null, shards: [], problem: null };
const lost = {
  code: "STORE_NOT_RECOGNIZED",
  message: "Storage node node1 came with an empty folder.",
  advice: "If its data are lost for good, run `shardgate node accept-loss node1`.",
  shards: [0, 3],
  storeId: "store-1",
};
const nodes = [
  { ...healthy, name: "node1", state: "DOWN", problem: lost, staleShards: [] },
  { ...healthy, name: "node2", staleShards: [5] },
  { ...healthy, name: "node3", problem: { ...lost, code: "X", shards: [], storeId: null }, staleShards: [] },
];
const told = [
  "node1, store store-1, shards 0, 3 not served: Storage node node1 came with an empty folder. (STORE_NOT_RECOGNIZED)",
  "  If its data are lost for good, run `shardgate node accept-loss node1`.",
  "node2 still has data of shard 5, now owned by other storage nodes; clients do not see these data.",
  "  To serve them again, assign the shard to node2 with `shardgate shard assign` and --force.",
  "node3: Storage node node1 came with an empty folder. (X)",
  "  If its data are lost for good, run `shardgate node accept-loss node1`.",
].join("\n");

describe("node ls", () => {
  it("lists below the table each node with a problem, its store, its shards and what to do", async () => {
    data = { storageNodes: nodes };
    const { code, out } = await run(["node", "ls"]);
    expect(code).toBe(0);
    expect(out).toMatch(/^name .*\nnode1 .*\nnode2 .*\nnode3 .*\n\nnode1, store/);
    expect(out.endsWith(`\n\n${told}\n`)).toBe(true);
  });

  it("includes the problems and the shards with older data in its JSON", async () => {
    data = { storageNodes: nodes };
    const rows = JSON.parse((await run(["node", "ls", "-o", "json"])).out) as unknown[];
    expect(rows[0]).toMatchObject({ name: "node1", problem: lost, staleShards: [] });
    expect(rows[1]).toMatchObject({ name: "node2", problem: null, staleShards: [5] });
  });

  it("prints no control characters of a message to the terminal", async () => {
    const problem = { ...lost, message: "\u001b[2J" };
    data = { storageNodes: [{ ...healthy, name: "node1", problem, staleShards: [] }] };
    expect((await run(["node", "ls"])).out).toContain(String.raw`\u001b[2J`);
  });
});

describe("status", () => {
  const cluster = { name: "c", mapVersion: 7, shardCount: 0, shards: [], gateways: [] };

  it("counts the problems in its health, and explains them below the table", async () => {
    data = { cluster: { ...cluster, storageNodes: nodes } };
    const { out } = await run(["status"]);
    expect(out).toContain("\nhealth       every shard has a live primary; 2 storage nodes have a problem\n");
    expect(out.endsWith(`\n\n${told}\n`)).toBe(true);
    expect(JSON.parse((await run(["status", "-o", "json"])).out)).toMatchObject({
      storageNodes: [{ problem: lost }, { staleShards: [5] }, {}],
    });
  });

  it("does not report a storage node as down that is alive but not accepted", async () => {
    const primary = { name: "node1", url: "http://n", state: "UP" };
    const shards = [{ number: 4, state: "UNAVAILABLE", epoch: 1, primary, keyCount: null, sizeBytes: null }];
    data = { cluster: { ...cluster, shards, storageNodes: nodes.slice(0, 1) } };
    expect((await run(["status"])).out).toContain(
      "\nhealth       1 of 1 shards lack a live primary: shard 4 (node1 is UP, but not accepted by the gateway); 1 storage",
    );
  });

  it("prints no problems when there are none", async () => {
    data = { cluster: { ...cluster, storageNodes: [{ ...healthy, name: "node1", staleShards: [] }] } };
    const { out } = await run(["status"]);
    expect(out).toContain("\nhealth       every shard has a live primary\n");
    expect(out).toMatch(/\nnode1 [^\n]*\n$/);
    data = { cluster: { ...cluster, storageNodes: nodes.slice(0, 1) } };
    expect((await run(["status"])).out).toContain("; 1 storage node has a problem\n");
  });
});

describe("node accept-loss", () => {
  beforeEach(() => {
    data = { acceptStorageNodeLoss: { __typename: "AcceptStorageNodeLossPayload" } };
  });

  it("asks for confirmation, explains the consequences, and acts after yes", async () => {
    const { code, out, err } = await run(["node", "accept-loss", "node1"], { isTerminal: true, input: "y\n" });
    expect([code, out]).toEqual([0, "accepted: node1 serves its shards after its next registration\n"]);
    expect(err).toMatch(/^Accept at .* that storage node node1 has lost data\? .* answered as not found.* \[y\/N\] $/);
    expect(gateway.bodies.map((body) => JSON.parse(body) as unknown)).toMatchObject([
      { query: expect.stringContaining("acceptStorageNodeLoss"), variables: { input: { name: "node1" } } },
    ]);
  });

  it("does nothing after no, or without a terminal", async () => {
    expect(await run(["node", "accept-loss", "node1"], { isTerminal: true, input: "n\n" })).toMatchObject({ code: 1 });
    expect(await run(["node", "accept-loss", "node1"])).toMatchObject({ code: 2, out: "" });
    expect(gateway.bodies).toEqual([]);
  });

  it("acts at once with --yes, as JSON on request, and shows the gateway's refusal", async () => {
    expect((await run(["node", "accept-loss", "node1", "--yes", "-o", "json"])).out).toBe('{"name":"node1"}\n');
    const errors = [{ message: "There is no node9.", extensions: { code: "NODE_NOT_FOUND" } }];
    gateway.interrupt = () => ({ body: JSON.stringify({ errors }) });
    expect(await run(["node", "accept-loss", "node9", "-y"])).toMatchObject({
      code: 3,
      err: expect.stringContaining("There is no node9 (NODE_NOT_FOUND)"),
    });
    expect(await run(["node", "accept-loss", "no/de", "-y"])).toMatchObject({ code: 2 });
  });
});
