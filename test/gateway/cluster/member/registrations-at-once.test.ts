/** 2,000 storage nodes that start in one moment and register with three gateways of one registry, in memory and in PostgreSQL. */
import { randomUUID } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../../src/cli/environment/system-clock.js";
import { ShardgateError } from "../../../../src/core/error.js";
import { ClusterMember } from "../../../../src/gateway/cluster/member/cluster-member.js";
import type { RegistryStore } from "../../../../src/registry/registry-store.js";
import { LeaseLoop } from "../../../../src/registry/lease/lease-loop.js";
import { evidenceOf } from "../../../../src/gateway/cluster/node-evidence.js";
import { downAfterMs, Liveness, suspectAfterMs } from "../../../../src/registry/liveness.js";
import { Registry } from "../../../../src/registry/registry.js";
import { PostgresStore } from "../../../../src/registry/stores/postgres/postgres-store.js";
import { SharedStore } from "../../../registry/shared-store.js";
import { MemberNetwork } from "../../../support/member-network.js";
import { hasPostgres, PostgresServer } from "../../../support/postgres.js";
import { eventually, Stop } from "../../../support/processes.js";
import { RecordLog } from "../../../support/record-log.js";
import { FakePool } from "../fake-nodes.js";
import { agent } from "./open-members.js";

const ids = Array.from({ length: 2_000 }, (_, index) => `node${index}`);
const shardCount = 4_096;
/** Refusals that pass. */
const passing: ReadonlySet<string> = new Set(["OVERLOADED", "REGISTRY_UNAVAILABLE", "REGISTRY_CONFLICT"]);

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

function openMemory(): () => RegistryStore {
  const shared = new SharedStore();
  return () => shared.handle();
}

async function openPostgres(): Promise<() => RegistryStore> {
  const server = await PostgresServer.start();
  closing.push(() => server.stop());
  const access = { hosts: [{ host: "127.0.0.1", port: server.port }], database: "postgres", user: "sg", tls: null };
  return () => new PostgresStore({ ...access, password: async () => "secret", schema: "r", clock: systemClock });
}

async function openMembers(openStore: () => RegistryStore): Promise<readonly ClusterMember[]> {
  const network = new MemberNetwork();
  const nodes = new FakePool().nodes;
  const members: ClusterMember[] = [];
  for (const name of ["a", "b", "c"]) {
    const [store, log, clock] = [openStore(), new RecordLog(), systemClock];
    const self = () => ({ name, url: `http://${name}:4000` });
    const newIds = { newClusterId: randomUUID, newLeaderId: randomUUID };
    const registry = await Registry.open({
      store,
      clock,
      log,
      wanted: { shardCount, clusterName: null },
      ...newIds,
      self,
    });
    const shared = {
      lease: new LeaseLoop({ registry, clock, log }),
      transport: network.transport(self().url, clock),
      self,
    };
    const liveness = new Liveness({ clock, suspectAfterMs: 20 * suspectAfterMs, downAfterMs: 20 * downAfterMs });
    const rules = { nodesMin: ids.length, isAutoAssigning: true, newId: randomUUID };
    const pool = new FakePool(nodes);
    const evidence = evidenceOf(pool, clock);
    const member = new ClusterMember({ registry, liveness, pool, evidence, clock, log, shared, ...rules });
    network.join(self().url, member.peers);
    member.start();
    members.push(member);
    closing.push(
      () => store.close(),
      () => registry.close(),
      () => member.stop(),
    );
  }
  await eventually(() => {
    expect(members.map(({ standing }) => standing.leader)).not.toContain(null);
    expect(members.filter(({ standing }) => standing.isLeading)).toHaveLength(1);
  });
  return members;
}

/** All at once, with the gateways in turn; each asks again as long as its refusal may pass. */
async function registerAll(members: readonly ClusterMember[], start: number): Promise<void> {
  const register = (id: string, index: number): Promise<unknown> =>
    eventually(() => {
      const member = members[index % members.length];
      return member?.register(agent(id, start)).catch((error: unknown) => {
        if (!(error instanceof ShardgateError) || !passing.has(error.code)) throw new Stop(String(error));
        throw error;
      });
    });
  await Promise.all(ids.map(register));
}

describe.each([
  ["in memory", true, openMemory],
  ["in PostgreSQL", hasPostgres, openPostgres],
])("three gateways with their registry %s", (_, isInstalled, open) => {
  it.skipIf(!isInstalled)("take 2,000 storage nodes that start at once, and each of their starts once", async () => {
    const members = await openMembers(await open());
    const [first] = members;
    await registerAll(members, 1);
    const isSettled = (): void => {
      for (const { map } of members) expect(map.shards.filter(({ primary }) => primary === null)).toEqual([]);
    };
    await eventually(isSettled);
    const before = first?.map.shards ?? [];
    expect(new Set(before.map(({ primary }) => primary)).size).toBe(ids.length);
    await registerAll(members, 2);
    await eventually(() => {
      for (const { map } of members) expect(map.version).toBe(Math.max(...members.map((other) => other.map.version)));
    });
    for (const { map } of members) {
      expect([...map.nodes.values()].map(({ name, lastStart }) => `${name} ${lastStart}`).toSorted()).toEqual(
        ids.map((id) => `${id} ${id}-2`).toSorted(),
      );
      const owners = map.shards.map(({ shard, primary, epoch }) => ({ shard, primary, epoch }));
      expect(owners).toEqual(before.map(({ shard, primary, epoch }) => ({ shard, primary, epoch: epoch + 1 })));
    }
  });
});
