/** `node drain`, with answers of a fake gateway, and how `status` and `node ls` show a storage node that is drained. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../../src/core/clock.js";
import { FakeGateway } from "../fake-gateway.js";
import { runCommand, type CommandRun } from "../run-command.js";

/** Every pause is over at once, and has taken its time. */
function impatientClock(): Clock {
  let ms = 0;
  return {
    nowMs: () => ms,
    monotonicMs: () => ms,
    after(delayMs, callback) {
      ms += delayMs;
      const timer = setImmediate(callback);
      return () => clearImmediate(timer);
    },
  };
}

interface NodeState {
  readonly isDraining: boolean;
  readonly shards: readonly { readonly number: number }[];
}

let gateway: FakeGateway;
/** The storage node in the answers, one after the other; the last one again and again. Null: there is none. */
let states: (NodeState | null)[];

beforeEach(async () => {
  gateway = new FakeGateway();
  gateway.interrupt = ({ body }) => {
    const storageNode = states.length > 1 ? (states.shift() ?? null) : (states[0] ?? null);
    const data = body.includes("mutation") ? { drainStorageNode: { storageNode } } : { storageNode };
    return { body: JSON.stringify({ data }) };
  };
  await gateway.start();
});
afterEach(() => gateway.stop());

const run = (...argv: string[]): Promise<CommandRun> =>
  runCommand(["node", "drain", ...argv, "-e", gateway.url], { overrides: { clock: impatientClock() } });
const variables = (): readonly unknown[] => gateway.bodies.map((body) => (JSON.parse(body) as Variables).variables);
interface Variables {
  readonly variables: unknown;
}

const owning = (...numbers: number[]): NodeState => ({
  isDraining: true,
  shards: numbers.map((number) => ({ number })),
});

describe("node drain", () => {
  it("says that the storage node can be stopped once it owns no shards", async () => {
    states = [owning()];
    expect(await run("node3")).toEqual({
      code: 0,
      out: "drained: node3 owns no shards, and can be stopped\n",
      err: "",
    });
    expect(variables()).toEqual([{ input: { name: "node3", undo: false } }]);
  });

  it("names the shards that are left, without waiting for them", async () => {
    states = [owning(1, 5)];
    expect((await run("node3")).out).toBe("draining: node3 still owns shards 1, 5; wait with --wait\n");
    expect((await run("node3", "-o", "json")).out).toBe('{"name":"node3","isDraining":true,"shards":[1,5]}\n');
  });

  it("waits until nothing is left", async () => {
    states = [owning(1, 5), owning(5), owning()];
    expect((await run("node3", "--wait")).out).toBe("drained: node3 owns no shards, and can be stopped\n");
    expect(variables()).toEqual([{ input: { name: "node3", undo: false } }, { name: "node3" }, { name: "node3" }]);
  });

  it("ends its wait after a minute, and says what to check", async () => {
    states = [owning(1)];
    expect(await run("node3", "--wait")).toEqual({
      code: 5,
      out: "",
      err:
        "shardgate: node3 still owns shard 1 after 60 s. It stays drained: check with `shardgate status` that another " +
        "storage node of its store is UP.\n",
    });
  });

  it("ends its wait when the storage node is removed, or the draining is undone", async () => {
    states = [owning(1), null];
    expect(await run("node3", "--wait")).toMatchObject({ code: 3, err: "shardgate: node3 was removed meanwhile.\n" });
    states = [owning(1), { ...owning(1), isDraining: false }];
    expect(await run("node3", "--wait")).toMatchObject({
      code: 4,
      err: "shardgate: the draining of node3 was undone meanwhile.\n",
    });
  });

  it("ends the draining with --undo", async () => {
    states = [{ isDraining: false, shards: [] }];
    expect((await run("node3", "--undo")).out).toBe("not draining: node3 may be given shards again\n");
    expect(variables()).toEqual([{ input: { name: "node3", undo: true } }]);
    expect(await run("node3", "--undo", "--wait")).toMatchObject({ code: 2 });
  });

  it("reports the gateway's refusal", async () => {
    const message = "The store of node1 is not shared.";
    gateway.interrupt = () => ({
      body: JSON.stringify({ errors: [{ message, extensions: { code: "NOT_SUPPORTED" } }] }),
    });
    expect(await run("node1")).toMatchObject({
      code: 1,
      err: expect.stringContaining("The store of node1 is not shared (NOT_SUPPORTED)."),
    });
  });
});

describe("a storage node that is drained", () => {
  const listed = { name: "node1", url: "http://n", state: "UP", latencyMs: null, lastSeenAt: null, problem: null };
  const node = { ...listed, staleShards: [], isStoreShared: true };

  it("is shown below the table of `node ls` and `status`, and in their JSON", async () => {
    const storageNodes = [
      { ...node, ...owning(0, 2) },
      { ...node, name: "node2", ...owning() },
      { ...node, name: "node3", isDraining: false, shards: [] },
    ];
    const cluster = { name: "c", mapVersion: 7, shardCount: 0, shards: [], gateways: [], storageNodes };
    gateway.interrupt = ({ body }) => ({
      body: JSON.stringify({ data: body.includes("{cluster") ? { cluster } : { storageNodes } }),
    });
    const lines =
      "\n\nnode1 is draining: it is given no shards, and still owns shards 0, 2.\n" +
      "  To end that, run `shardgate node drain node1 --undo`.\n" +
      "node2 is draining: it is given no shards, and owns no shards any more.\n" +
      "  To end that, run `shardgate node drain node2 --undo`.\n";
    for (const argv of [["node", "ls"], ["status"]]) {
      const all = [...argv, "-e", gateway.url];
      expect((await runCommand(all)).out.endsWith(lines)).toBe(true);
      expect((await runCommand([...all, "-o", "json"])).out).toContain('"isStoreShared":true,"isDraining":true');
    }
  });
});
