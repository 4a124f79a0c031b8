/** Shard hosts over a ScriptedEngine, as one process or as two of one storage node. */
import type { Outcome } from "../../src/core/operation.js";
import { ShardHost, type ShardHostOptions } from "../../src/storage-node/shards/shard-host.js";
import { FakeClock } from "../support/fake-clock.js";
import { RecordLog } from "../support/record-log.js";
import { ScriptedEngine } from "./shards/scripted-engine.js";

/** By default the host of a storage node without a gateway. */
export async function openHost(engine = new ScriptedEngine(), options: Partial<ShardHostOptions> = {}) {
  const { clock = new FakeClock(), log = new RecordLog() } = options as { clock?: FakeClock; log?: RecordLog };
  const identity = { start: "start1", newId: () => "store1", hasGateway: false };
  return { engine, clock, log, host: await ShardHost.open({ ...identity, ...options, engine, clock, log }) };
}

/** Two processes of one storage node over one store; the first records the start. */
export async function openTwoHosts(options: Partial<ShardHostOptions> = {}) {
  const { engine, clock, log, host } = await openHost(new ScriptedEngine(), { isShared: true, ...options });
  const other = { isShared: true, ...options, isFirst: false, clock, log };
  return { engine, clock, log, first: host, second: (await openHost(engine, other)).host };
}

export const kinds = (outcomes: readonly Outcome[]) => outcomes.map(({ kind }) => kind);

/** Codes of refusals; null for other outcomes. */
export const codes = (outcomes: readonly Outcome[]) =>
  outcomes.map((outcome) => (outcome.kind === "refused" ? outcome.code : null));
