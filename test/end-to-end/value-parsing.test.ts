/** How often the JSON of a value is parsed between a client, or an imported line, and the store. */
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { runCommand } from "../cli/run-command.js";
import { startLiveCluster, type LiveCluster } from "../support/live-cluster.js";

const tokens = { gatewayToken: "from-gateway", nodeToken: "from-node", peerToken: "from-peer" };
/** In the values of this file and nowhere else. */
const mark = "parsed-once";
const value = `{"mark":"${mark}","digits":12345678901234567890.10}`;

const clusters = { secret: null as LiveCluster | null, open: null as LiveCluster | null };

beforeAll(async () => {
  clusters.secret = await startLiveCluster(4, [{ name: "node1" }], tokens);
  clusters.open = await startLiveCluster(4, [{ name: "node1" }]);
});

afterAll(async () => {
  await Promise.all([clusters.secret?.close(), clusters.open?.close()]);
});

afterEach(() => {
  vi.restoreAllMocks();
});

function originOf(name: keyof typeof clusters): string {
  const cluster = clusters[name];
  if (cluster === null) throw new Error("The cluster is not there.");
  return cluster.origin;
}

/**
 * How many texts with the mark are parsed until `work` is done, in this process: by the client, the gateway and its
 * node.
 */
async function parsesDuring(work: () => Promise<void>): Promise<number> {
  const parse = vi.spyOn(JSON, "parse");
  await work();
  const count = parse.mock.calls.filter(([text]) => text.includes(mark)).length;
  parse.mockRestore();
  return count;
}

async function post(origin: string, query: string, variables: string): Promise<void> {
  const body = `{"query":${JSON.stringify(query)},"variables":${variables}}`;
  const answer = await fetch(`${origin}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect(await answer.text()).toContain("PutSuccess");
}

const ways: Readonly<Record<string, (origin: string) => Promise<void>>> = {
  "as a variable": (origin) =>
    post(origin, 'mutation($value:JSON!){put(key:"a",value:$value){__typename}}', `{"value":${value}}`),
  "as a literal": (origin) =>
    post(origin, `mutation{put(key:"b",value:${value.replaceAll(/"(\w+)":/g, "$1:")}){__typename}}`, "{}"),
  "with a time to live and a condition": (origin) =>
    post(
      origin,
      'mutation($value:JSON!){put(key:"c",value:$value,expiry:{ttlSeconds:60},condition:{ifAbsent:true}){__typename}}',
      `{"value":${value}}`,
    ),
  "with others in a batch": (origin) =>
    post(
      origin,
      "mutation($items:[PutInput!]!){putMany(items:$items){__typename}}",
      `{"items":[{"key":"d","value":1},{"key":"e","value":${value}},{"key":"f","value":[]}]}`,
    ),
  "as the body of a PUT": async (origin) => {
    const answer = await fetch(`${origin}/data/g`, { method: "PUT", body: value });
    expect(answer.status).toBe(201);
  },
};

describe("the value of a put", () => {
  it.each(Object.entries(ways))("is parsed once in the gateway and not in its cluster's node, %s", async (_, put) => {
    expect(await parsesDuring(() => put(originOf("secret")))).toBe(1);
  });

  it.each(Object.entries(ways))("is parsed once more by a node without the cluster's secret, %s", async (_, put) => {
    expect(await parsesDuring(() => put(originOf("open")))).toBe(2);
  });

  it("is returned as it was written", async () => {
    const url = `${originOf("secret")}/data/kept`;
    await fetch(url, { method: "PUT", body: value });
    expect(await (await fetch(url)).text()).toBe(value);
  });
});

describe("an imported line", () => {
  it("is parsed once by the command, and its value once more with the request that carries it", async () => {
    const parses = await parsesDuring(async () => {
      const input = `{"key":"imported","value":${value},"expiresAt":"2999-01-01T00:00:00Z"}\n`;
      const endpoint = `${originOf("secret")}/graphql`;
      const run = await runCommand(["import", "-", "--endpoint", endpoint], { input });
      expect(run).toMatchObject({ code: 0, err: expect.stringContaining("imported 1 entr") });
    });
    expect(parses).toBe(2);
  });
});
