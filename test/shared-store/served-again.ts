/** When shards are served again: each gateway writes a key of each of them, again and again, until it is acknowledged. */
import { parseKey } from "../../src/core/key.js";
import { shardOfKey } from "../../src/core/shard.js";
import type { StoreGroup } from "./store-group.js";

const pauseMs = 50;
const withinMs = 60_000;

/** Resolves once every gateway has written every shard. A write that hangs does not keep the next one from being sent. */
export async function servedAgain(group: StoreGroup, shards: readonly number[]): Promise<void> {
  const keys = shards.map((shard) => keyOf(shard, group.shardCount));
  const ways = group.gatewayNames.flatMap((gateway) => keys.map((key) => `${group.origin(gateway)}/data/${key}`));
  await Promise.all(ways.map(written));
}

async function written(url: string): Promise<void> {
  const done = new AbortController();
  const signal = AbortSignal.any([done.signal, AbortSignal.timeout(withinMs)]);
  const acknowledged = new Promise<void>((resolve) => done.signal.addEventListener("abort", () => resolve()));
  const put = async (): Promise<void> => {
    const { ok } = await fetch(url, { method: "PUT", body: "0", signal });
    if (ok) done.abort();
  };
  while (!done.signal.aborted) {
    if (signal.aborted) throw new Error(`PUT ${url} was not acknowledged within ${withinMs} ms.`);
    put().catch(() => {});
    await Promise.race([acknowledged, new Promise((resolve) => setTimeout(resolve, pauseMs))]);
  }
}

function keyOf(shard: number, shardCount: number): string {
  for (let index = 0; ; index++) {
    const key = `probe${index}`;
    if (shardOfKey(parseKey(key), shardCount) === shard) return key;
  }
}
