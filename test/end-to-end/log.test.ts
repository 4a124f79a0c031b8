/** Whoever looks for a failed request finds its cause in the log, and no secrets: over real processes. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, gatewayArgs: ["--log-level", "debug"] });
});
afterAll(() => cluster.stop());

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly requestId?: string;
  readonly requestIds?: readonly string[];
  readonly batchId?: string;
  readonly node?: string;
  readonly err?: { readonly message: string };
}

function lines(): readonly Line[] {
  return cluster
    .run("gateway")
    .stderr.split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
}

async function send(path: string, requestId: string, body?: string): Promise<number> {
  const headers = {
    "x-request-id": requestId,
    "content-type": "application/json",
    authorization: "Bearer hush-token",
    cookie: "session=hush-cookie",
  };
  const answer = await fetch(`${cluster.origin}${path}`, {
    headers,
    ...(body !== undefined && { method: "POST", body }),
  });
  expect(answer.headers.get("x-request-id")).toBe(requestId);
  return answer.status;
}

it("finds what became of a request by its id", async () => {
  expect(await send("/data/a", "fine-1")).toBe(404);
  await eventually(() => expect(lines().some(({ requestId }) => requestId === "fine-1")).toBe(true));

  await cluster.run("node1").stop("SIGKILL");
  expect(await send("/data/a", "lost-1")).toBe(503);
  await send("/graphql", "lost-2", '{"query":"{ get(key: \\"a\\") { key } }"}');
  await eventually(() => {
    for (const id of ["lost-1", "lost-2"]) {
      const own = lines().find(({ requestId, level }) => requestId === id && level === 40);
      expect(own?.err?.message).toMatch(/storage node node1 \(.*\) /);
    }
  });
  // The batch that failed has the cause itself, with what the system said, and names the request.
  const batch = lines().find(({ requestIds }) => requestIds?.includes("lost-1"));
  expect(batch).toMatchObject({ level: 40, node: "node1", batchId: expect.stringMatching(/^b/) });
  expect(batch?.err?.message).toMatch(/ECONNREFUSED|closed|reset/i);
});

it("has no secrets of requests", () => {
  expect(cluster.run("gateway").stderr).not.toContain("hush");
});
