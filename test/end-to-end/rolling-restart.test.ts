/** Gateways behind a real nginx are restarted one after the other, unnoticed by any client. */
import { afterEach, expect, it } from "vitest";
import { untilReady } from "../support/gateway-calls.js";
import { nginxPath, startNginx } from "../support/nginx.js";
import { eventually, freePorts, shardgate, temporaryFolder, type Run } from "../support/processes.js";

const folder = temporaryFolder();
const runs = new Map<string, Run>();
afterEach(async () => {
  await Promise.all([...runs.values()].map((run) => run.stop()));
  folder.remove();
});

function start(name: string, args: readonly string[], environment: NodeJS.ProcessEnv = {}): void {
  runs.set(name, shardgate(args, environment));
}

function startGateway(port: number): void {
  const args = ["gateway", "--port", String(port), "--shards", "4", "--registry", `${folder.path}/${port}.json`];
  start(`gateway ${port}`, args, { SHARDGATE_DRAIN_DELAY: "3000" });
}

interface Load {
  /** All unexpected answers, and errors instead of answers. */
  readonly failures: readonly string[];
  readonly answers: () => number;
  stop(): Promise<void>;
}

/** Clients that read and write without a pause. None of them retries anything. */
function startLoad(origin: string): Load {
  const failures: string[] = [];
  let [isOver, answers] = [false, 0];
  const run = async (name: string, call: () => Promise<Response>): Promise<void> => {
    while (!isOver) {
      try {
        const response = await call();
        const text = await response.text();
        if (response.ok && !text.includes('"errors"')) answers++;
        else failures.push(`${name}: ${response.status} ${text}`);
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? String(error.cause ?? error) : String(error)}`);
      }
    }
  };
  const json = { "content-type": "application/json" };
  const mutation = JSON.stringify({ query: 'mutation { put(key: "a", value: 1) { __typename } }' });
  const clients = [
    run("GraphQL", () => fetch(`${origin}/graphql`, { method: "POST", headers: json, body: mutation })),
    run("PUT", () => fetch(`${origin}/data/b`, { method: "PUT", headers: json, body: "1" })),
    run("GET", () => fetch(`${origin}/shards`)),
  ];
  const stop = async (): Promise<void> => {
    isOver = true;
    await Promise.all(clients);
  };
  return { failures, answers: () => answers, stop };
}

it.runIf(nginxPath !== undefined)(
  "a rolling restart of gateways behind nginx loses no request",
  async () => {
    const [proxy = 0, ...gateways] = await freePorts(3);
    for (const port of gateways) {
      startGateway(port);
      const gateway = `http://127.0.0.1:${port}`;
      start(`node of ${port}`, ["node", "--id", "node1", "--port", "0", "--engine", "memory", "--gateway", gateway]);
    }
    const untilBothAreReady = () => Promise.all(gateways.map((port) => untilReady(`http://127.0.0.1:${port}`)));
    await untilBothAreReady();
    runs.set("nginx", await startNginx(folder.path, proxy, gateways));
    const load = startLoad(`http://127.0.0.1:${proxy}`);
    for (const port of gateways) {
      const before = load.answers();
      await eventually(() => expect(load.answers()).toBeGreaterThan(before + 50));
      expect(await runs.get(`gateway ${port}`)?.stop()).toBe(0);
      startGateway(port);
      await untilBothAreReady();
    }
    await load.stop();
    expect(load.failures).toEqual([]);
  },
  120_000,
);
