/** Gateways of one registry, each a member that leads or follows, with storage nodes that all of them reach. */
import { ShardgateError } from "../../../../src/core/error.js";
import type { ClusterStanding } from "../../../../src/gateway/cluster/cluster-standing.js";
import { evidenceOf, type NodeEvidence } from "../../../../src/gateway/cluster/node-evidence.js";
import { WorkerViews } from "../../../../src/gateway/cluster/workers/worker-views.js";
import { ClusterMember } from "../../../../src/gateway/cluster/member/cluster-member.js";
import { leadAlone } from "../../../../src/registry/lease/sole-lead.js";
import { downAfterMs, Liveness, suspectAfterMs, type SignOfLife } from "../../../../src/registry/liveness.js";
import type { Clock } from "../../../../src/core/clock.js";
import type { Registry } from "../../../../src/registry/registry.js";
import type { NodeAssignments, NodeRegistration } from "../../../../src/wire/membership.js";
import { openGateway, SharedStore, type TestGateway } from "../../../registry/shared-store.js";
import { FakeClock, settle } from "../../../support/fake-clock.js";
import { MemberNetwork } from "../../../support/member-network.js";
import { joinWorker } from "../workers/open-primary.js";
import { FakePool, idsInOrder, type FakeNode } from "../fake-nodes.js";

export interface OpenedMember extends TestGateway {
  readonly member: ClusterMember;
  readonly liveness: Liveness;
  readonly pool: FakePool;
  readonly url: string;
  /** What its workers would hear. */
  readonly news: { readonly standing: ClusterStanding; readonly signs: readonly SignOfLife[] }[];
  /** A worker of this gateway begins. */
  join(): ReturnType<typeof joinWorker>;
  /** As by SIGKILL: nothing is given up, and nothing answers any more. */
  kill(): void;
  /** In order: another gateway leads afterwards. */
  end(): Promise<void>;
}

interface OpenOptions {
  /** One that does not watch takes the lead and answers, and does nothing else by itself before `member.start`. */
  readonly isWatching?: boolean;
  readonly nodesMin?: number;
  /** Where it says that it answers. */
  readonly url?: string;
}

export class Members {
  readonly clock = new FakeClock();
  readonly shared = new SharedStore();
  readonly network = new MemberNetwork();
  /** As every gateway reaches them. */
  readonly nodes = new FakePool();
  readonly #newId = idsInOrder();

  /** A gateway of this name starts. */
  async open(
    name: string,
    { isWatching = true, nodesMin = 1, url = `http://${name}:4000` }: OpenOptions = {},
  ): Promise<OpenedMember> {
    const { network, clock: base } = this;
    const gateway = await openGateway(this.shared, { name, base });
    const { registry, clock, log, lease } = gateway;
    const liveness = livenessOf(registry, clock);
    const pool = new FakePool(this.nodes.nodes);
    const news: OpenedMember["news"] = [];
    const views = new WorkerViews({ registry, liveness, log });
    let isStarted = false;
    const start = (): void => {
      if (!isStarted) lease.start();
      isStarted = true;
    };
    const transport = network.transport(url, clock);
    const member = new ClusterMember({
      registry,
      liveness,
      pool,
      evidence: evidences(evidenceOf(pool, clock), views.evidence),
      newId: this.#newId,
      clock,
      log,
      nodesMin,
      isAutoAssigning: true,
      shared: {
        lease: { start, stop: () => lease.stop(), stepBack: () => lease.stepBack() },
        transport,
        self: () => ({ name, url }),
      },
      onSeen: (node) => views.seen(node),
      onStanding(standing, signs) {
        news.push({ standing, signs });
        views.standing(standing, signs);
      },
    });
    const calls = views.calls(member);
    let isStill = false;
    network.join(url, member.peers, () => isStill);
    start();
    if (isWatching) member.start();
    await settle();
    return {
      ...gateway,
      member,
      liveness,
      pool,
      url,
      news,
      join: () => joinWorker({ views, calls, clock, log }),
      kill() {
        gateway.stop();
        network.leave(url);
      },
      stop() {
        isStill = true;
        gateway.stop();
      },
      goOn() {
        isStill = false;
        gateway.goOn();
      },
      async end() {
        await member.resign();
        await member.stop();
        views.close();
        await registry.close();
        network.leave(url);
      },
    };
  }

  /** A gateway whose registry no other one shares. */
  async openAlone(name: string): Promise<TestGateway & Pick<OpenedMember, "member" | "pool">> {
    const gateway = await openGateway(this.shared, { name, base: this.clock });
    const { registry, clock, log } = gateway;
    await leadAlone(registry, log);
    const liveness = livenessOf(registry, clock);
    const pool = new FakePool(this.nodes.nodes);
    const evidence = evidenceOf(pool, clock);
    const parts = {
      registry,
      liveness,
      pool,
      evidence,
      newId: this.#newId,
      clock,
      log,
      nodesMin: 1,
      isAutoAssigning: true,
    };
    return { ...gateway, pool, member: new ClusterMember({ ...parts, shared: null }) };
  }
}

function livenessOf(registry: Registry, clock: Clock): Liveness {
  const isStoreShared = (name: string): boolean => registry.map.nodes.get(name)?.isStoreShared === true;
  return new Liveness({ clock, suspectAfterMs, downAfterMs, isStoreShared });
}

/** The evidence of requests in this process and in its workers: a real gateway has only one of the two. */
function evidences(own: NodeEvidence, ofWorkers: NodeEvidence): NodeEvidence {
  return {
    async silences(nodes) {
      const [here, there] = await Promise.all([own.silences(nodes), ofWorkers.silences(nodes)]);
      return here.map((silentMs, index) => silentMs ?? there[index] ?? null);
    },
    takeRefused: () => [...own.takeRefused(), ...ofWorkers.takeRefused()],
    onRefused(listener) {
      const stops = [own.onRefused(listener), ofWorkers.onRefused(listener)];
      return () => stops.forEach((stop) => stop());
    },
  };
}

/** The registration of a storage node with an agent. */
export function agent(id: string, start = 1): NodeRegistration {
  const starts = Array.from({ length: start }, (_, index) => `${id}-${start - index}`);
  return { id, url: `http://${id}:8000`, incarnation: `${id}-${start}`, storeId: `store-${id}`, starts, shards: [] };
}

/** The agent of a storage node: what it knows of its shards, and what it says each second. */
export class TestAgent {
  readonly #id: string;
  readonly #node: FakeNode;
  #known: NodeAssignments | null = null;
  registrations = 0;
  /** Why its last beat was refused; null: it was not. */
  refusal: string | null = null;

  /** `node`: what the gateways reach of it. */
  constructor(id: string, node: FakeNode) {
    this.#id = id;
    this.#node = node;
  }

  /** Its heartbeat, or a registration where it has to register again. */
  async beat({ member }: Pick<OpenedMember, "member">): Promise<void> {
    try {
      this.#take(await this.#say(member));
      this.refusal = null;
    } catch (error) {
      if (!(error instanceof ShardgateError)) throw error;
      this.refusal = error.code;
    }
  }

  async #say(member: ClusterMember): Promise<NodeAssignments> {
    const { incarnation = "" } = agent(this.#id);
    const mapVersion = this.#known?.mapVersion ?? null;
    try {
      if (mapVersion !== null) return await member.heartbeat(this.#id, { incarnation, mapVersion });
    } catch (error) {
      if (!(error instanceof ShardgateError) || error.code !== "NODE_NOT_FOUND") throw error;
    }
    this.registrations++;
    const shards = (this.#known?.shards ?? []).map((shard) => ({ ...shard, keyCount: 1, sizeBytes: 10 }));
    return member.register({ ...agent(this.#id), clusterId: this.#known?.clusterId ?? null, mapVersion, shards });
  }

  #take(assignments: NodeAssignments): void {
    this.#node.accept(assignments);
    this.#known = { ...assignments, shards: assignments.shards ?? this.#known?.shards ?? [] };
  }
}
