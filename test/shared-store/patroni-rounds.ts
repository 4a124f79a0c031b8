/** Storage nodes over a database under Patroni, whose primary is killed again and again while clients go on. */
import { ClientLoad } from "../gateways/client-load.js";
import { PatroniCluster } from "../support/patroni.js";
import { eventually } from "../support/processes.js";
import { servedAgain } from "./served-again.js";
import { databaseStatements } from "./store-database.js";
import { StoreGroup } from "./store-group.js";

/** Of one round, in milliseconds after the kill. */
export interface PatroniRound {
  readonly promotedMs: number;
  /** When the new primary acknowledged a write: with strict synchronous replication it waits for a standby. */
  readonly acceptsMs: number;
  /** When every shard was written through the gateway. */
  readonly servedMs: number;
}

export interface PatroniRounds {
  readonly complaints: readonly string[];
  readonly figures: ClientLoad["figures"];
}

export interface PatroniShape {
  readonly rounds: number;
  readonly seed: number;
  readonly onRound: (round: PatroniRound) => void;
  /** Where the logs of all processes are written. */
  readonly output: string;
}

export async function playPatroni(shape: PatroniShape): Promise<PatroniRounds> {
  const database = await PatroniCluster.start(3);
  try {
    const primary = await database.primary();
    for (const statement of databaseStatements) await database.sql(primary, statement);
    const databasePorts = database.members.map(({ port }) => port);
    // A registry in the same database would have the database's fail-over as one of its own, and hide what storage nodes do.
    const group = await StoreGroup.start({ databasePorts, registry: "file", gateways: 1, nodes: 2, shards: 8 });
    try {
      return await playOver(group, database, shape);
    } finally {
      group.writeLogs(shape.output);
      await group.stop();
    }
  } finally {
    await database.stop();
  }
}

async function playOver(
  group: StoreGroup,
  database: PatroniCluster,
  { rounds, seed, onRound }: PatroniShape,
): Promise<PatroniRounds> {
  const gateways = group.gatewayNames.map((name) => ({ name, origin: group.origin(name) }));
  const { shardCount } = group;
  const shards = { shardCount, shardsWithKeys: shardCount };
  const load = new ClientLoad({ seed, prefix: `patroni ${seed}`, pauseMs: 10, gateways, ...shards });
  try {
    for (const name of group.gatewayNames) load.excuse(name);
    await servedAgain(group, allShards(group));
    for (let round = 0; round < rounds; round++) onRound(await killPrimary(group, database));
  } finally {
    await load.stop();
  }
  await group.ready();
  return { complaints: await load.complaints(), figures: load.figures };
}

async function killPrimary(group: StoreGroup, database: PatroniCluster): Promise<PatroniRound> {
  const primary = await database.primary();
  const others = database.members.filter((member) => member !== primary);
  const sinceMs = performance.now();
  const passed = (): number => performance.now() - sinceMs;
  await database.kill(primary);
  const serving = servedAgain(group, allShards(group)).then(passed);
  const next = await eventually(() => database.primary(others), 60_000);
  const promotedMs = passed();
  await database.sql(next, "CREATE TABLE IF NOT EXISTS accepted (at timestamptz); INSERT INTO accepted VALUES (now())");
  const acceptsMs = passed();
  const servedMs = await serving;
  database.start(primary);
  await database.whole();
  return { promotedMs, acceptsMs, servedMs };
}

function allShards({ shardCount }: StoreGroup): readonly number[] {
  return Array.from({ length: shardCount }, (_, shard) => shard);
}
