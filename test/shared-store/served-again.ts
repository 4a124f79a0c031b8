/** When shards are served again: a key of each of them is written again and again until that is acknowledged. */
import { parseKey } from "../../src/core/key.js";
import { shardOfKey } from "../../src/core/shard.js";
import type { StoreGroup } from "./store-group.js";

const pauseMs = 100;
/** A write that hangs does not keep the next one from being sent for longer. */
const patienceMs = 1_000;
const withinMs = 60_000;

/** Resolves once every shard was written, by gateways in turn. */
export async function servedAgain(group: StoreGroup, shards: readonly number[]): Promise<void> {
  const origins = group.gatewayNames.map((name) => group.origin(name));
  await Promise.all(shards.map((shard) => written(origins, `/data/${keyOf(shard, group.shardCount)}`)));
}

async function written(origins: readonly string[], path: string): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([done.signal, AbortSignal.timeout(withinMs)]);
  for (let turn = 0; !done.signal.aborted; turn++) {
    if (signal.aborted) throw new Error(`PUT ${path} was not acknowledged within ${withinMs} ms.`);
    const put = fetch(`${origins[turn % origins.length]}${path}`, { method: "PUT", body: "0", signal });
    const answered = put.then(({ ok }) => (ok ? done.abort() : pause(pauseMs))).catch(() => pause(pauseMs));
    await Promise.race([answered, pause(patienceMs)]);
  }
}

function keyOf(shard: number, shardCount: number): string {
  for (let index = 0; ; index++) {
    const key = `probe${index}`;
    if (shardOfKey(parseKey(key), shardCount) === shard) return key;
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
