/** A storage node of several gateways, all of them real processes over a real PostgreSQL: its gateway stops answering. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { untilReady } from "../support/gateway-calls.js";
import { hasPostgres, PostgresServer } from "../support/postgres.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

let folder: ReturnType<typeof temporaryFolder>;
let registry: PostgresServer;
const runs = new Map<string, Run>();

beforeEach(async () => {
  folder = temporaryFolder();
  registry = await PostgresServer.start();
});
afterEach(async () => {
  for (const run of runs.values()) if (run.isRunning) run.child.kill("SIGCONT");
  await Promise.all([...runs.values()].map((run) => run.stop()));
  runs.clear();
  await registry.stop();
  folder.remove();
});

interface Gateways {
  readonly gateways: readonly { readonly url: string; readonly isLeader: boolean }[];
}

async function json<T>(url: string): Promise<T> {
  return (await fetch(url)).json() as Promise<T>;
}

/** URL of the gateway that leads, as the one at `origin` sees it. */
async function leaderAt(origin: string): Promise<string> {
  const { gateways } = await json<Gateways>(`${origin}/gateways`);
  const leader = gateways.find(({ isLeader }) => isLeader);
  if (leader === undefined) throw new Error("No gateway leads.");
  return leader.url;
}

async function stateAt(origin: string): Promise<string> {
  const { nodes } = await json<{ readonly nodes: readonly { readonly state: string }[] }>(`${origin}/nodes`);
  return nodes.map(({ state }) => state).join();
}

/** URL of the gateway that the storage node's log named last. */
function gatewayOfNode(): string {
  const urls = [...(runs.get("node")?.stderr ?? "").matchAll(/"gatewayUrl":"([^"]+)"/g)];
  return urls.at(-1)?.[1] ?? "";
}

/** Three gateways, and a storage node that knows all of them. */
async function start(): Promise<readonly string[]> {
  const [nodePort, ...ports] = await freePorts(4);
  const origins = ports.map((port) => `http://127.0.0.1:${port}`);
  const place = `postgres://sg@127.0.0.1:${registry.port}/postgres`;
  for (const [index, port] of ports.entries()) {
    const args = ["gateway", "--id", `gateway${index + 1}`, "--port", `${port}`, "--shards", "4", "--registry", place];
    runs.set(origins[index] ?? "", shardgate(args, { SHARDGATE_REGISTRY_PASSWORD: "secret" }));
  }
  const args = ["node", "--port", `${nodePort}`, "--data", folder.path, "--gateway", origins.join()];
  runs.set("node", shardgate(args));
  for (const origin of origins) await untilReady(origin, 60_000);
  return origins;
}

describe.runIf(hasPostgres)("a storage node of three gateways", { timeout: 180_000 }, () => {
  it.each(["SIGSTOP", "SIGKILL"] as const)(
    "reports to another gateway after %s of the one that leads, and no gateway calls it DOWN",
    async (signal) => {
      const origins = await start();
      const former = await leaderAt(origins[0] ?? "");
      const others = origins.filter((origin) => origin !== former);
      runs.get(former)?.child.kill(signal);

      const states = new Set<string>();
      let leader = former;
      await eventually(async () => {
        for (const origin of others) states.add(await stateAt(origin));
        leader = await leaderAt(others[0] ?? "");
        expect(leader).not.toBe(former);
        // From its registration there on it takes a silence of ten seconds until the new leader calls it DOWN.
        expect(gatewayOfNode()).toBe(leader);
        expect(await stateAt(leader)).toBe("UP");
      }, 60_000);
      expect([...states]).not.toContain("DOWN");
      expect(runs.get("node")?.stderr).not.toContain('"level":50');
      for (const origin of others) {
        expect((await fetch(`${origin}/data/key`, { method: "PUT", body: "1" })).ok).toBe(true);
      }
      if (signal === "SIGKILL") return;
      runs.get(former)?.child.kill("SIGCONT");
      await eventually(async () => expect(await leaderAt(former)).toBe(leader));
      expect(await stateAt(former)).toBe("UP");
    },
  );
});
