/** What happens to a hurt cluster in one round of a run, and what must follow from it. Each leaves the cluster whole again. */
import { copyFileSync } from "node:fs";
import type { Random } from "../linearizability/random.js";
import { assignShard } from "../support/cluster-calls.js";
import { shardgate, type Run } from "../support/processes.js";
import { ended, until, untilLogged, type HurtCluster } from "./hurt-cluster.js";
import type { Promises } from "./promises.js";

export interface MishapParts {
  readonly cluster: HurtCluster;
  readonly promises: Promises;
  readonly random: Random;
}

export interface Mishap {
  readonly name: string;
  /** What was done, for the report. */
  readonly happen: (parts: MishapParts) => Promise<string>;
}

const hourMs = 3_600_000;
const copy = "copy";
const aside = "aside";

export const mishaps: readonly Mishap[] = [
  { name: "kill", happen: killNode },
  { name: "kill gateway", happen: killGateway },
  { name: "older copy", happen: olderCopy },
  { name: "empty folder", happen: emptyFolder },
  { name: "clone", happen: cloneBeside },
  { name: "two processes", happen: twoProcesses },
  { name: "two clusters", happen: foreignGateway },
  { name: "clock jump", happen: jumpClock },
  { name: "registry put back", happen: putRegistryBack },
  { name: "assignment", happen: assign },
];

async function killNode({ cluster, random }: MishapParts): Promise<string> {
  const node = await rested(cluster, random);
  await cluster.run(node).stop("SIGKILL");
  cluster.startNode(node);
  return node;
}

async function killGateway({ cluster }: MishapParts): Promise<string> {
  await cluster.run("gateway").stop("SIGKILL");
  cluster.startGateway();
  return "gateway";
}

/** A copy that was made while the node was stopped comes back after a later start was acknowledged. */
async function olderCopy(parts: MishapParts): Promise<string> {
  const { cluster, random } = parts;
  const node = await rested(cluster, random);
  await cluster.run(node).stop();
  cluster.keepCopy(node, copy);
  cluster.startNode(node);
  await cluster.ready();
  await someWrites(parts.promises);
  await cluster.run(node).stop(random.pick(["SIGTERM", "SIGKILL"]));
  cluster.setAside(node, aside);
  cluster.takeBack(node, copy);
  return `${node}, ${await startedWithout(parts, node)}`;
}

async function emptyFolder(parts: MishapParts): Promise<string> {
  const { cluster, random } = parts;
  const node = await rested(cluster, random);
  await cluster.run(node).stop(random.pick(["SIGTERM", "SIGKILL"]));
  cluster.setAside(node, aside);
  return `${node}, ${await startedWithout(parts, node)}`;
}

/** The start is refused. Then the node's own folder comes back, or an operator accepts that it is lost. */
async function startedWithout(parts: MishapParts, node: string): Promise<string> {
  const { cluster, random } = parts;
  cluster.startNode(node);
  await until(`${node} is refused`, async () => (await cluster.problemOf(node)) === "STORE_NOT_RECOGNIZED");
  if (random.chance(0.5)) {
    await cluster.run(node).stop();
    cluster.takeBack(node, aside);
    cluster.startNode(node);
    return "its folder is back";
  }
  await accept(parts, node);
  return "the loss is accepted";
}

/** What was promised of the node's shards is void, before and until its next start is acknowledged. */
async function accept({ cluster, promises }: Omit<MishapParts, "random">, node: string): Promise<void> {
  const shards = await cluster.shardsOf(node);
  promises.giveUp(shards);
  await cluster.acceptLoss(node);
  promises.giveUp(shards);
}

/** A copy of the node's folder is started under the same name at another address, or in place of another node. */
async function cloneBeside({ cluster, random, promises }: MishapParts): Promise<string> {
  const node = await rested(cluster, random);
  const name = random.pick([node, ...cluster.nodeNames.filter((other) => other !== node).slice(0, 1)]);
  await cluster.run(node).stop();
  cluster.keepCopy(node, `clone/${name}`);
  cluster.startNode(node);
  await cluster.ready();
  if (name !== node) await cluster.run(name).stop();
  const clone = cluster.startAsWell(
    name,
    `${cluster.folderOf(node)}.clone`,
    name === node ? null : cluster.portOf(name),
  );
  try {
    await untilLogged(clone, "NODE_CONFLICT");
  } finally {
    await clone.stop();
  }
  if (clone.stderr.includes("has registered with the gateway"))
    promises.complaints.push(`a clone of ${node} was accepted`);
  if (name !== node) cluster.startNode(name);
  return `${node} as ${name}`;
}

async function twoProcesses({ cluster, random, promises }: MishapParts): Promise<string> {
  const node = random.pick(cluster.nodeNames);
  const folder = cluster.folderOf(node).slice(0, -node.length - 1);
  const refused = async (what: string, run: Run): Promise<void> => {
    const end = await ended(run);
    if (!/^1 .*in use by another process/.test(end)) promises.complaints.push(`${what} ended with ${end}`);
  };
  await refused(`a second process of ${node}`, cluster.startAsWell(node, folder, null));
  await refused("a second gateway", cluster.startSecondGateway());
  return `${node} and the gateway`;
}

/** The node registers at the gateway of another cluster, which refuses it. */
async function foreignGateway({ cluster, random }: MishapParts): Promise<string> {
  const node = await rested(cluster, random);
  await cluster.run(node).stop();
  const astray = await cluster.startAtForeigners(node);
  try {
    await untilLogged(astray, "CLUSTER_MISMATCH");
  } finally {
    await astray.stop();
  }
  cluster.startNode(node);
  return node;
}

async function jumpClock({ cluster, random }: MishapParts): Promise<string> {
  const process = random.pick(["gateway", ...cluster.nodeNames]);
  const shiftMs = random.pick([-hourMs, 0, hourMs]);
  await cluster.clocks.jump(process, cluster.run(process), shiftMs);
  return `${process} by ${shiftMs} ms`;
}

/** The copy was made at the end of the last round of this kind, or when the run began. */
async function putRegistryBack(parts: MishapParts): Promise<string> {
  const { cluster, random } = parts;
  const { registryFile: file, registryCopy: kept } = cluster;
  const owned = new Map<string, ReadonlySet<number>>();
  for (const node of cluster.nodeNames) owned.set(node, await cluster.shardsOf(node));
  await cluster.run("gateway").stop(random.pick(["SIGTERM", "SIGKILL"]));
  const end = await ended(shardgate(["registry", "restore", kept, "--registry", file]));
  if (!end.startsWith("0")) throw new Error(`The registry is not restored: ${end}`);
  cluster.startGateway();
  const accepted = await acceptUnknownStores(parts, owned);
  await cluster.ready();
  copyFileSync(file, kept);
  return accepted.length === 0 ? "restored" : `restored, and the loss of ${accepted.join(", ")} is accepted`;
}

/**
 * The copy may be older than an accepted loss: then the registry does not know the store that took the lost one's place,
 * and an operator has to give up what the node had claimed since. Resolves to the names of such nodes.
 */
async function acceptUnknownStores(
  { cluster, promises }: MishapParts,
  owned: ReadonlyMap<string, ReadonlySet<number>>,
): Promise<readonly string[]> {
  const accepted: string[] = [];
  await until("the storage nodes have registered again", async () => {
    const isUp = await fetch(`${cluster.origin}/health`).then(
      ({ ok }) => ok,
      () => false,
    );
    if (!isUp) return false;
    for (const node of cluster.nodeNames) {
      if (accepted.includes(node) || (await cluster.problemOf(node)) !== "STORE_NOT_RECOGNIZED") continue;
      promises.giveUp(owned.get(node) ?? new Set());
      await accept({ cluster, promises }, node);
      accepted.push(node);
    }
    return (await fetch(`${cluster.origin}/ready`)).status === 200;
  });
  return accepted;
}

/** Without force first, which hides nothing; now and then by force, which is an operator's word. */
async function assign({ cluster, random, promises }: MishapParts): Promise<string> {
  const owners = await cluster.owners();
  const idle = cluster.nodeNames.filter((node) => !owners.includes(node));
  const node = random.pick(idle.length > 0 ? idle : cluster.nodeNames);
  const statuses: string[] = [];
  for (let times = idle.length > 0 ? 4 : 1; times > 0; times--) {
    const shard = random.between(0, cluster.shards - 1);
    const unforced = await assignShard(cluster.origin, shard, node);
    statuses.push(`shard ${shard}: ${unforced.status}`);
    if (unforced.status === 200 || random.chance(0.5)) continue;
    promises.giveUp(new Set([shard]));
    const forced = await assignShard(cluster.origin, shard, node, true);
    promises.giveUp(new Set([shard]));
    statuses.push(`by force: ${forced.status}`);
  }
  return `to ${node}, ${statuses.join(", ")}`;
}

/** One of the owners of shards that were started least often: a node that starts too often is made to wait. */
async function rested(cluster: HurtCluster, random: Random): Promise<string> {
  const owners = await cluster.owners();
  const nodes = owners.toSorted((a, b) => cluster.startsOf(a) - cluster.startsOf(b));
  return random.pick(nodes.slice(0, Math.ceil(nodes.length / 2)));
}

/** Lets some more writes be acknowledged, so that there is something to lose. */
async function someWrites(promises: Promises): Promise<void> {
  const before = promises.acknowledgedCount;
  await until("writes are acknowledged", () => promises.acknowledgedCount >= before + 20);
}
