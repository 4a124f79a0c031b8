/** A gateway's primary, which leads, and workers that follow it, joined by lines of messages inside the test. */
import type { Clock } from "../../../../src/core/clock.js";
import type { Log } from "../../../../src/core/log.js";
import { ClusterFollower } from "../../../../src/gateway/cluster/follower/cluster-follower.js";
import { FollowedCluster, type ClusterNews } from "../../../../src/gateway/cluster/follower/followed-cluster.js";
import { ClusterLeader } from "../../../../src/gateway/cluster/leader/cluster-leader.js";
import { evidenceOf } from "../../../../src/gateway/cluster/node-evidence.js";
import { leaderOver, type LeaderCalls } from "../../../../src/gateway/cluster/workers/leader-calls.js";
import { WorkerViews } from "../../../../src/gateway/cluster/workers/worker-views.js";
import { Liveness, suspectAfterMs, downAfterMs } from "../../../../src/registry/liveness.js";
import { MemoryStore } from "../../../../src/registry/stores/memory-store.js";
import { Registry } from "../../../../src/registry/registry.js";
import type { NodePlace } from "../../../../src/routing/node-pool.js";
import { Peer } from "../../../../src/wire/peer.js";
import { FakeClock } from "../../../support/fake-clock.js";
import { linePair } from "../../../support/line-pair.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakePool, idsInOrder } from "../fake-nodes.js";

const bounds = { suspectAfterMs, downAfterMs };

export async function openPrimary() {
  const clock = new FakeClock();
  const log = new RecordLog();
  const store = new MemoryStore();
  const wanted = { shardCount: 4, clusterName: null };
  const registry = await Registry.open({
    store,
    clock,
    log,
    wanted,
    newClusterId: () => "c1",
    newLeaderId: () => "l1",
  });
  await registry.takeLead();
  const isStoreShared = (name: string): boolean => registry.map.nodes.get(name)?.isStoreShared === true;
  const liveness = new Liveness({ clock, ...bounds, isStoreShared });
  const views = new WorkerViews({ registry, liveness, log });
  const nodes = new FakePool();
  const pool = {
    client: (name: string) => nodes.client(name),
    probeAt: (place: NodePlace) => nodes.probeAt(place),
    figures: () => nodes.figures(),
    prune: () => nodes.prune(),
    reachable: (name: string) => views.seen(name),
  };
  const membership = new ClusterLeader({
    registry,
    liveness,
    pool,
    newId: idsInOrder(),
    clock,
    log,
    nodesMin: 1,
    isAutoAssigning: true,
    evidence: views.evidence,
  });
  const calls = views.calls(membership);
  /** Another worker begins. */
  const join = () => joinWorker({ views, calls, clock, log });
  return { clock, log, store, registry, views, membership, nodes, join };
}

/** A worker of the primary whose views and answers these are. */
export function joinWorker({ views, calls, clock, log }: PrimarySide) {
  const line = linePair();
  const ofWorker = new Peer<ClusterNews>({ line: line.ends[0], calls, clock, log });
  const liveness = new Liveness({ clock, ...bounds });
  const cluster = new FollowedCluster(liveness);
  const primary = new Peer<LeaderCalls>({ line: line.ends[1], calls: cluster.news, clock, log });
  cluster.begin(views.begin(ofWorker));
  const pool = new FakePool();
  const leader = leaderOver(primary);
  const { peers, gateways, refused } = leader;
  const evidence = evidenceOf(pool, clock);
  const membership = new ClusterFollower({ cluster, leader, peers, gateways, refused, evidence, liveness, pool, log });
  return { line, ofWorker, cluster, liveness, pool, membership };
}

interface PrimarySide {
  readonly views: WorkerViews;
  readonly calls: LeaderCalls;
  readonly clock: Clock;
  readonly log: Log;
}
