/** The log of real processes contains the cause of a failed request, and no secrets. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { ProcessCluster } from "../support/process-cluster.js";
import { eventually } from "../support/processes.js";

let cluster: ProcessCluster;
beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, gatewayArgs: ["--log-level", "info,requests=debug"] });
});
afterAll(() => cluster.stop());

interface Line {
  readonly level: number;
  readonly msg: string;
  readonly part?: string;
  readonly requestId?: string;
  readonly requestIds?: readonly string[];
  readonly batchId?: string;
  readonly node?: string;
  readonly err?: { readonly message: string };
}

function lines(name = "gateway"): readonly Line[] {
  return cluster
    .run(name)
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

it("the log has the lines of each part of the program from the configured level on, and names the part", async () => {
  expect(await send("/data/a", "part-1")).toBe(404);
  expect(await send("/shards/assign", "part-2", '{"shardId":0,"nodeId":"none"}')).toBe(404);
  const partOf = (text: string, name?: string): readonly unknown[] => {
    const found = lines(name).find(({ msg }) => msg.startsWith(text));
    return [found?.level, found?.part];
  };
  await eventually(() => {
    expect(partOf("A REST request was answered.")).toEqual([20, "requests"]);
    expect(partOf("Cluster change attempted.")).toEqual([30, "access"]);
    expect(partOf("Unassigned shards were assigned.")).toEqual([30, "cluster"]);
    expect(partOf("The gateway is listening.")).toEqual([30, undefined]);
    expect(partOf("The storage node has registered", "node1")).toEqual([30, "membership"]);
    expect(partOf("The assignments changed.", "node1")).toEqual([30, "storage"]);
    expect(partOf("The storage node is listening.", "node1")).toEqual([30, undefined]);
  });
  // Logs the batch that carried the request, at level debug.
  expect(lines().filter(({ part, level }) => part !== "requests" && level < 30)).toEqual([]);
});

it("the log contains the history of a request under its id", async () => {
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
  // The line about the failed batch has the cause itself, with the system's message, and names the request.
  const batch = lines().find(({ requestIds }) => requestIds?.includes("lost-1"));
  expect(batch).toMatchObject({ level: 40, part: "routing", node: "node1", batchId: expect.stringMatching(/^b/) });
  expect(batch?.err?.message).toMatch(/ECONNREFUSED|closed|reset/i);
});

it("the log contains no secrets of requests", () => {
  expect(cluster.run("gateway").stderr).not.toContain("hush");
});
