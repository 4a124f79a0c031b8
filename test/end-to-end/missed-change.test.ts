/**
 * A storage node is paused while the cluster map changes: it receives the change once it is resumed, without a further
 * change.
 */
import { afterEach, expect, it } from "vitest";
import { ask, assignShard, shardRows } from "../support/cluster-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";

let cluster: ProcessCluster | null = null;
afterEach(async () => {
  await cluster?.stop();
  cluster = null;
});

interface HostedRow {
  readonly shardId: number;
  readonly epoch: number | null;
  readonly releasedEpoch?: number;
}

/** Whether the storage node reports that it owns the shard, and at which epoch. */
async function ownedEpoch(origin: string, shard: number): Promise<number | null> {
  const { body } = await ask(origin, "GET", "/shards");
  const row = (body as { readonly shards: readonly HostedRow[] }).shards.find(({ shardId }) => shardId === shard);
  if (row === undefined || row.epoch === null) return null;
  return row.epoch > (row.releasedEpoch ?? 0) ? row.epoch : null;
}

it.each(["former", "new"] as const)(
  "the %s owner, paused during an assignment, receives it once it is resumed",
  async (paused) => {
    cluster = await ProcessCluster.start({ nodes: 2, shards: 4 });
    const { origin } = cluster;
    const before = await shardRows(origin);
    const from = before[0]?.nodeId ?? "";
    const to = from === "node1" ? "node2" : "node1";
    const { child } = cluster.run(paused === "former" ? from : to);
    child.kill("SIGSTOP");
    try {
      const { status, body } = await assignShard(origin, 0, to, true);
      expect([status, body]).toMatchObject([200, { nodeId: to, epoch: 2 }]);
    } finally {
      child.kill("SIGCONT");
    }
    const { version } = (await ask(origin, "GET", "/health")).body as { readonly version: number };
    const [fromOrigin, toOrigin] = [cluster.nodeOrigin(from), cluster.nodeOrigin(to)];
    await eventually(async () => {
      expect([await ownedEpoch(fromOrigin, 0), await ownedEpoch(toOrigin, 0)]).toEqual([null, 2]);
    });
    expect(((await ask(origin, "GET", "/health")).body as { readonly version: number }).version).toBe(version);
    expect((await shardRows(origin))[0]).toMatchObject({ nodeId: to, epoch: 2 });
  },
);
