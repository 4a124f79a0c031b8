/** Two gateways of one registry as processes: the one that follows goes on when the other ends, in order or not. */
import { afterEach, describe, expect, it } from "vitest";
import { assignShard, shardRows } from "../support/cluster-calls.js";
import { getEntry, putEntry, untilWritten } from "../support/data-calls.js";
import { untilReady } from "../support/gateway-calls.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

interface Standing {
  readonly isLeading: boolean;
  readonly leader: { readonly url: string } | null;
}

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const originOf = (port: number): string => `http://127.0.0.1:${port}`;

async function standing(origin: string): Promise<Standing> {
  return (await (await fetch(`${origin}/ready`)).json()) as Standing;
}

/** Two gateways, of which the first leads, and two storage nodes that register with the second. */
async function start(gatewayArgs: readonly string[] = []) {
  const postgres = await PostgresServer.start();
  closing.push(() => postgres.stop());
  const folder = temporaryFolder();
  closing.push(() => folder.remove());
  const [one = 0, two = 0, ...nodePorts] = await freePorts(4);
  const registry = `postgres://sg@127.0.0.1:${postgres.port}/postgres`;
  const run = (args: readonly string[]): Run => {
    const process = shardgate(args, { SHARDGATE_REGISTRY_PASSWORD: "secret" });
    closing.push(() => process.stop("SIGKILL"));
    return process;
  };
  const gateway = (port: number): Run => {
    const usual = ["--shards", "4", "--nodes", "2", "--drain-delay", "0"];
    return run(["gateway", "--port", `${port}`, "--registry", registry, ...usual, ...gatewayArgs]);
  };
  const first = gateway(one);
  await eventually(async () => expect(await standing(originOf(one))).toBeDefined());
  const second = gateway(two);
  for (const [index, port] of nodePorts.entries()) {
    const id = `node${index + 1}`;
    run(["node", "--id", id, "--port", `${port}`, "--data", folder.path, "--gateway", originOf(two)]);
  }
  await untilReady(originOf(two));
  await eventually(async () => {
    expect(await standing(originOf(two))).toMatchObject({ isLeading: false, leader: { url: originOf(one) } });
  });
  return { first, second, one: originOf(one), two: originOf(two) };
}

describe.skipIf(!hasPostgres).each([
  ["one process each", []],
  ["several workers each", ["--workers", "2"]],
])("two gateways of %s", (_, gatewayArgs) => {
  it.each(["SIGKILL", "SIGTERM"] as const)(
    "serve and change the cluster after %s of the one that leads",
    async (signal) => {
      const { first, two } = await start(gatewayArgs);
      // A storage node that was ready a moment ago may not know it yet.
      await untilWritten(two, "key", { value: "1" });
      const [{ nodeId = "" } = {}] = (await shardRows(two)).filter(({ shardId }) => shardId === 0);
      void first.stop(signal);
      const isServed = async (): Promise<void> => expect((await getEntry(two, "key")).status).toBe(200);
      for (let count = 0; count < 20; count++) await isServed();
      await eventually(async () => {
        await isServed();
        expect(await standing(two)).toMatchObject({ isLeading: true, leader: { url: two } });
      });
      const target = nodeId === "node1" ? "node2" : "node1";
      await eventually(async () => {
        expect((await assignShard(two, 0, target, true)).status).toBe(200);
      });
      expect((await putEntry(two, "other", { value: "2" })).status).toBe(201);
    },
  );
});
