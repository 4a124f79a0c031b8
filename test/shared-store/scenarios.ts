/** What can happen to storage nodes over one database: each scenario hurts them while clients go on, and mends them. */
import type { ClientLoad } from "../gateways/client-load.js";
import type { Line } from "../gateways/line.js";
import { eventually } from "../support/processes.js";
import type { PostgresServer } from "../support/postgres.js";
import { servedAgain } from "./served-again.js";
import type { StoreGroup } from "./store-group.js";

export interface Stage {
  readonly group: StoreGroup;
  readonly load: ClientLoad;
  readonly server: PostgresServer;
  /** How long an outage lasts that has no end by itself. */
  readonly outageMs: number;
  /** Hears how long after the fault every key of the storage nodes concerned was written again. */
  readonly onServed: (ms: number) => void;
}

export interface Scenario {
  readonly title: string;
  /** No request may fail. */
  readonly isHarmless?: boolean;
  /** The longest time until every key is written again. */
  readonly aimMs?: number;
  readonly run: (stage: Stage) => Promise<void>;
}

/** With what was found out when this project began: a refused connection is evidence, silence takes three seconds. */
const killedAimMs = 2_000;
const suspendedAimMs = 5_000;
/** Three seconds until the storage node says so, three more in which the others would have, and up to a second before each; then clients try again. */
const cutOffAimMs = 10_000;

export const scenarios: readonly Scenario[] = [
  {
    title: "when a storage node is killed",
    aimMs: killedAimMs,
    run: (stage) => kill(stage, () => Promise.resolve()),
  },
  {
    title: "when a storage node is killed between its writes and their COMMIT, which arrives after the takeover",
    aimMs: killedAimMs,
    async run(stage) {
      await kill(stage, (node) => stage.group.holdAtCommit(node));
    },
  },
  {
    title: "when all storage nodes but one are killed",
    aimMs: killedAimMs,
    async run(stage) {
      const { group } = stage;
      const victims = group.nodeNames.slice(1);
      await untilServedAgain(stage, victims, () => Promise.all(victims.map((node) => group.run(node).stop("SIGKILL"))));
      for (const node of victims) group.start(node);
    },
  },
  {
    title: "when a storage node is suspended until others have taken over",
    aimMs: suspendedAimMs,
    run: (stage) => suspend(stage, () => Promise.resolve()),
  },
  {
    title: "when a storage node is suspended between its writes and their COMMIT, which arrives after the takeover",
    aimMs: suspendedAimMs,
    async run(stage) {
      await suspend(stage, (node) => stage.group.holdAtCommit(node));
    },
  },
  {
    title: "when the database is killed",
    async run(stage) {
      const { group, server, outageMs } = stage;
      await server.signal("SIGKILL");
      await lasting(outageMs);
      await server.restart();
      await untilServedAgain(stage, group.nodeNames, () => Promise.resolve());
    },
  },
  {
    title: "when the database is killed between writes and their COMMIT, which is never answered",
    async run(stage) {
      const { group, server, outageMs } = stage;
      const [node = ""] = await owners(group);
      await group.holdAtCommit(node);
      await server.signal("SIGKILL");
      release(group.lines([node]));
      await lasting(outageMs);
      await server.restart();
      await untilServedAgain(stage, group.nodeNames, () => Promise.resolve());
    },
  },
  {
    title: "when the database is suspended",
    async run(stage) {
      const { group, server, outageMs } = stage;
      await server.signal("SIGSTOP");
      await lasting(outageMs).finally(() => server.signal("SIGCONT"));
      await untilServedAgain(stage, group.nodeNames, () => Promise.resolve());
    },
  },
  {
    title: "when a storage node is cut off from the database",
    aimMs: cutOffAimMs,
    async run(stage) {
      const { group } = stage;
      const [node = ""] = await owners(group);
      const lines = group.lines([node]);
      await cut(lines, () => untilServedAgain(stage, [node], () => Promise.resolve()));
    },
  },
  {
    title: "when the gateways are cut off from the database, which has the registry, too",
    isHarmless: true,
    async run({ group, outageMs }) {
      await cut(group.lines(group.gatewayNames), () => lasting(outageMs));
    },
  },
  {
    title: "when a storage node is stopped with SIGTERM, and gets shards again after its next start",
    isHarmless: true,
    async run({ group }) {
      const [node = ""] = await owners(group);
      const code = await group.run(node).stop("SIGTERM");
      if (code !== 0) throw new Error(`${node} ended with ${code}: ${group.run(node).stderr}`);
      group.start(node);
      await giveShare(group, node);
    },
  },
  {
    title: "when a storage node is drained, and gets shards again once that is undone",
    isHarmless: true,
    async run({ group }) {
      const [node = ""] = await owners(group);
      await group.drain(node);
      await eventually(async () => {
        if ((await owners(group)).includes(node)) throw new Error(`${node} still owns shards.`);
      });
      await group.undoDrain(node);
      await giveShare(group, node);
    },
  },
];

/** For gateways with `--auto-rebalance`. */
export const rebalancings: readonly Scenario[] = [
  {
    title: "when a storage node is back, and gets its share of the shards by itself",
    isHarmless: true,
    async run({ group }) {
      const [node = ""] = await owners(group);
      await group.run(node).stop("SIGTERM");
      group.start(node);
      await eventually(async () => {
        if (!(await owners(group)).includes(node)) throw new Error(`${node} owns no shard.`);
      }, 60_000);
    },
  },
];

async function kill(stage: Stage, before: (node: string) => Promise<void>): Promise<void> {
  const { group } = stage;
  const [node = ""] = await owners(group);
  await before(node);
  await untilServedAgain(stage, [node], () => group.run(node).stop("SIGKILL"));
  release(group.lines([node]));
  group.start(node);
}

async function suspend(stage: Stage, before: (node: string) => Promise<void>): Promise<void> {
  const { group } = stage;
  const [node = ""] = await owners(group);
  const { child } = group.run(node);
  await before(node);
  await untilServedAgain(stage, [node], async () => child.kill("SIGSTOP")).finally(() => child.kill("SIGCONT"));
  release(group.lines([node]));
}

async function untilServedAgain(stage: Stage, nodes: readonly string[], hurt: () => Promise<unknown>): Promise<void> {
  const { group, onServed } = stage;
  const rows = (await group.shards()).filter(({ nodeId }) => nodes.includes(nodeId ?? ""));
  const shards = rows.map(({ shardId }) => shardId);
  const sinceMs = performance.now();
  await hurt();
  await servedAgain(group, shards);
  onServed(performance.now() - sinceMs);
}

/** The storage nodes that own shards, the one with the most first. */
async function owners(group: StoreGroup): Promise<readonly string[]> {
  const owned = new Map<string, number>();
  for (const { nodeId } of await group.shards()) if (nodeId !== null) owned.set(nodeId, (owned.get(nodeId) ?? 0) + 1);
  return [...owned].toSorted(([, one], [, other]) => other - one).map(([name]) => name);
}

/** As an operator does: the storage node takes over its share of the shards from those that have more. */
async function giveShare(group: StoreGroup, node: string): Promise<void> {
  const rows = await group.shards();
  const share = Math.floor(rows.length / group.nodeNames.length);
  const others = rows.filter(({ nodeId }) => nodeId !== node);
  const lacking = Math.max(0, share - (rows.length - others.length));
  for (const { shardId } of others.slice(0, lacking)) {
    // One that was just started is not up yet.
    await eventually(() => group.assign(shardId, node));
  }
}

async function cut(lines: readonly Line[], meanwhile: () => Promise<void>): Promise<void> {
  for (const line of lines) line.cut();
  await meanwhile().finally(() => {
    for (const line of lines) line.mend();
  });
}

function release(lines: readonly Line[]): void {
  for (const line of lines) line.release();
}

/** The length of a fault, which nothing but its time ends. */
function lasting(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
