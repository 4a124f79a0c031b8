/**
 * Processes of this release and of the previous one in one cluster, upgraded and taken back one by one under writes, and the
 * commands of docs/how-to/upgrade.md in the states of the cluster that they are for.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startByteLine } from "../support/byte-line.js";
import { nodeRow } from "../support/cluster-calls.js";
import { CommandPlace } from "../support/command-place.js";
import { getEntry, putEntry } from "../support/data-calls.js";
import { graphqlData, untilReady } from "../support/gateway-calls.js";
import { examplesIn } from "../support/markdown-examples.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { eventually, freePorts, temporaryFolder, type Run } from "../support/processes.js";
import { thisRelease, unpackPreviousRelease, type Release } from "../support/releases.js";
import { expectKept, startWriters } from "../support/writers.js";

let previous: Release;
let remove: () => void;
beforeAll(() => ({ release: previous, remove } = unpackPreviousRelease()));
afterAll(() => remove());

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

/** A gateway or storage node that keeps its port and data when it is started again, with either release. */
class Member {
  readonly #args: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #run: Run | null = null;
  release = thisRelease;

  constructor(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.#args = args;
    this.#environment = environment;
    closing.push(() => this.#run?.stop());
  }

  start(release: Release, more: readonly string[] = []): void {
    this.release = release;
    this.#run = release.start([...this.#args, ...more], this.#environment);
  }

  /** Ends it in order, which must succeed. */
  async stop(): Promise<void> {
    expect(await this.#run?.stop(), this.#run?.stderr).toBe(0);
  }
}

interface Cluster {
  readonly origin: string;
  readonly gateway: Member;
  readonly nodes: readonly [Member, Member];
}

async function startPrevious(): Promise<Cluster> {
  const folder = temporaryFolder();
  closing.push(() => folder.remove());
  const [port = 0, ...nodePorts] = await freePorts(3);
  const origin = `http://127.0.0.1:${port}`;
  const registry = ["--registry", `${folder.path}/registry.json`];
  const gateway = new Member(["gateway", "--port", `${port}`, "--shards", "8", "--nodes", "2", ...registry]);
  const node = (index: 0 | 1): Member => {
    const args = ["--port", `${nodePorts[index]}`, "--data", folder.path, "--gateway", origin];
    return new Member(["node", "--id", `node${index + 1}`, ...args]);
  };
  const nodes = [node(0), node(1)] as const;
  for (const member of [gateway, ...nodes]) member.start(previous);
  await untilReady(origin);
  return { origin, gateway, nodes };
}

/** What applications and people do, with the client and the command line of `release`: the entry `count` is raised to it. */
async function use(release: Release, origin: string, count: number): Promise<void> {
  const { createClient, orThrow } = await release.client();
  const client = createClient<number>({ endpoint: `${origin}/graphql` });
  // The gateway does not call a storage node that was shutting down for a moment; then nothing is written.
  await eventually(async () => {
    expect(orThrow(await client.update("count", (value) => (value ?? 0) + 1)).value).toBe(count);
  });
  const commands = [["status"], ["check"], ["node", "ls"], ["get", "count"]];
  const [status, check, list, value] = await Promise.all(commands.map((args) => release.command(origin, ...args)));
  expect(status).toContain("every shard has a live primary");
  expect(check).toBe("ok: all 8 shards have a live primary\n");
  expect(list).toMatch(/^node1 .*\nnode2 /m);
  expect(value?.trim()).toBe(`${count}`);
}

describe("a gateway and storage nodes of which some are of the previous release", () => {
  it("serve and keep all writes while each is upgraded and taken back", async () => {
    const { origin, gateway, nodes } = await startPrevious();
    const [node1, node2] = nodes;
    const { acknowledged, codes, stop } = startWriters(origin);
    const steps: readonly (readonly [Member, Release])[] = [
      [node1, thisRelease],
      [node2, thisRelease],
      [gateway, thisRelease],
      [node2, previous],
      [node1, previous],
      [gateway, previous],
    ];
    for (const [index, [member, release]] of steps.entries()) {
      await member.stop();
      member.start(release);
      await untilReady(origin);
      const before = acknowledged.size;
      await eventually(() => expect(acknowledged.size).toBeGreaterThan(before + 100));
      await use(gateway.release === previous ? thisRelease : previous, origin, index + 1);
    }
    await stop();
    await expectKept(origin, acknowledged);
    // A write may be on its way when a storage node closes its connections: nobody knows then whether it arrived.
    const expected = ["SHARD_UNAVAILABLE true", "OUTCOME_UNKNOWN false"];
    expect([...codes].filter((code) => !expected.includes(code))).toEqual([]);
  }, 120_000);
});

describe.each(["a gateway", "a storage node"] as const)("%s of the previous release, the other of this one", (old) => {
  it("send each other batches in frames, with the cluster's secret", async () => {
    const folder = temporaryFolder();
    closing.push(() => folder.remove());
    const [port = 0, nodePort = 0] = await freePorts(2);
    const line = await startByteLine(`http://127.0.0.1:${nodePort}`);
    closing.push(() => line.close());
    const origin = `http://127.0.0.1:${port}`;
    const secret = { SHARDGATE_CLUSTER_SECRET: "a secret of at least thirty-two characters" };
    const gateway = new Member(["gateway", "--port", `${port}`, "--shards", "1", "--registry", "memory"], secret);
    const place = ["--port", `${nodePort}`, "--advertise", line.url, "--gateway", origin];
    const node = new Member(["node", "--id", "node1", "--engine", "memory", ...place], secret);
    gateway.start(old === "a gateway" ? previous : thisRelease);
    node.start(old === "a gateway" ? thisRelease : previous);
    await untilReady(origin);
    const read = () => graphqlData(origin, '{ get(key: "a") { value } }');
    await eventually(async () => {
      await read();
      const before = line.count("POST /batch");
      for (let times = 0; times < 5; times++) await read();
      expect(line.count("POST /batch")).toBe(before);
    });
    expect(line.count("shardgate-batch/1")).toBe(1);
  });
});

describe("docs/how-to/upgrade.md", () => {
  const blocks = examplesIn("docs/how-to/upgrade.md").map(({ code }) => code.replaceAll("\\\n", " "));
  const words = ["check", "status", "node", "registry copy", "gateway", "registry copy"];

  it("has six blocks, which these tests run", () => {
    expect(blocks).toHaveLength(words.length);
    for (const [index, block] of blocks.entries())
      expect(block).toMatch(new RegExp(`^npx shardgate ${words[index]}\\b`));
  });

  it.skipIf(!hasPostgres)("brings a cluster of the previous release to two gateways, and back", async () => {
    const postgres = await PostgresServer.start();
    closing.push(() => postgres.stop());
    const place = await CommandPlace.open();
    closing.push(() => place.remove());
    place.write("registry-password", "secret");
    const [check = "", status = "", node = "", copy = "", gateways = "", copyBack = ""] = blocks.map((block) =>
      block.replaceAll("shardgate@db.internal/shardgate", `sg@127.0.0.1:${postgres.port}/postgres`).trim(),
    );
    const serve = async (command: string): Promise<Run> => {
      const run = await place.serve(command);
      closing.push(() => run.stop());
      return run;
    };
    const [one, two] = [place.origin, `http://127.0.0.1:${place.port("4002")}`];
    const registry = ["--registry", `${place.path}/data/registry.json`];
    const gateway = new Member(["gateway", "--port", place.port("4000"), "--shards", "8", "--nodes", "2", ...registry]);
    const [node1, node2] = ["4001", "4003"].map((port, index) => {
      const where = ["--port", place.port(port), "--data", `${place.path}/data`, "--gateway", one];
      return new Member(["node", "--id", `node${index + 1}`, ...where]);
    });
    for (const member of [gateway, node1, node2]) member?.start(previous);
    await untilReady(one);
    expect((await putEntry(one, "key", { value: "old" })).status).toBe(201);

    await node1?.stop();
    await serve(node);
    await untilReady(one);
    expect(await place.run(check)).toBe("ok: all 8 shards have a live primary\n");
    await gateway.stop();
    expect(await place.run(copy)).toMatch(/^copied .* 8 shards, 2 storage nodes/);
    // The second one leads then, and the storage node of the previous release knows only the other one.
    const [second, first] = [await serve(gateways.split("\n")[1] ?? ""), await serve(gateways.split("\n")[0] ?? "")];
    await Promise.all([untilReady(one), untilReady(two)]);
    await eventually(async () => {
      expect(await place.run(status)).toMatch(/^127\S+:\d+ +leader .*\n127\S+:\d+ +follower /m);
    });
    expect((await getEntry(one, "key")).value).toBe("old");
    expect((await putEntry(two, "other", { value: "new" })).status).toBe(201);

    expect(await second.stop()).toBe(0);
    await eventually(async () => {
      expect(await (await fetch(`${one}/ready`)).json()).toMatchObject({ status: "ready", isLeading: true });
    });
    expect(await nodeRow(one, "node2")).toMatchObject({ state: "UP", problem: null });
    expect((await getEntry(one, "other")).value).toBe("new");

    expect(await first.stop()).toBe(0);
    expect(await place.run(copyBack)).toMatch(/^copied .* 8 shards, 2 storage nodes/);
    gateway.start(previous);
    await untilReady(one);
    expect([(await getEntry(one, "key")).value, (await getEntry(one, "other")).value]).toEqual(["old", "new"]);
  });
});
