import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it, vi } from "vitest";
import { largeAnswerBytesMin, nodeAnswerBytesMax } from "../../../src/core/limits.js";
import type { Operation, Outcome } from "../../../src/core/operation.js";
import { NodeFault, type MapFacts } from "../../../src/routing/node-client/node-client.js";
import { UndiciNodeClient } from "../../../src/routing/node-client/undici-node-client.js";
import { noTls } from "../../../src/tls/tls-source.js";
import { encodeBatchAnswer } from "../../../src/wire/batch/batch-body.js";
import {
  batchMediaType,
  clusterHeader,
  gatewayProtocol,
  nodeProtocol,
  problemMediaType,
  targetNodeHeader,
} from "../../../src/wire/paths.js";
import { describeNodeClient } from "../../conformance/node-client.js";
import { startBrokenServer, unusedUrl, type BrokenAnswer } from "../../support/broken-server.js";
import { startNodeServer, type NodeServer } from "../../support/node-server.js";
import { openGuard } from "../../support/open-guard.js";
import { get, put, routed } from "../../support/operations.js";

for (const [kind, basePath, hasFrames] of [
  ["full", "", false],
  ["plain", "", false],
  ["full", "/base/path", false],
  ["plain", "/base/path", false],
  ["full", "", true],
  ["full", "/base/path", true],
] as const) {
  describeNodeClient(`UndiciNodeClient at "${basePath}"${hasFrames ? " with frames" : ""}`, kind, async () => {
    const server = await startNodeServer(kind, { basePath, hasFrames });
    let caller = "c";
    const facts = { clusterId: () => caller, mayBePlain: () => true };
    const client = new UndiciNodeClient({ name: "node1", url: server.url, facts, guard: openGuard, tls: noTls });
    if (hasFrames) await untilFramed(client, server);
    return {
      client,
      setCluster: (clusterId) => void (caller = clusterId),
      rename: (name) => void (server.memory.name = name),
      close: async () => {
        await client.close();
        await server.close();
      },
    };
  });
}

/** Waits until the client's batches use frames. */
async function untilFramed(client: UndiciNodeClient, server: NodeServer): Promise<void> {
  await vi.waitFor(async () => {
    await client.execute([], { timeoutMs: 5_000 });
    expect(server.framedBatches).toBeGreaterThan(0);
  });
}

const call = { timeoutMs: 5_000 };
const facts: MapFacts = { clusterId: () => "c1", mayBePlain: () => true };
const closers: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function clientOf(url: string): UndiciNodeClient {
  const client = new UndiciNodeClient({ name: "node2", url, facts, guard: openGuard, tls: noTls });
  closers.push(() => client.close());
  return client;
}

async function brokenClient(answer: BrokenAnswer, health?: BrokenAnswer) {
  const server = await startBrokenServer(answer, health);
  closers.push(() => server.close());
  return { client: clientOf(server.url), server };
}

/** The fault that a batch of one put rejects with. */
async function faultFrom(client: UndiciNodeClient, timeoutMs = 5_000): Promise<NodeFault> {
  const error = await client.execute([routed(put("a", "1"))], { timeoutMs }).catch((caught: unknown) => caught);
  if (!(error instanceof NodeFault)) throw new Error(`No fault but ${String(error)}.`);
  return error;
}

const problem =
  (status: number, code: string): BrokenAnswer =>
  (response) =>
    response.writeHead(status, { "content-type": problemMediaType }).end(JSON.stringify({ code, detail: "It is so." }));

const batch = (response: ServerResponse, outcomes: readonly Outcome[]) =>
  response.writeHead(200, { "content-type": batchMediaType }).end(encodeBatchAnswer(outcomes));

describe("UndiciNodeClient", () => {
  it.each(["full", "plain"] as const)("sends its calls to a %s storage node with their id", async (kind) => {
    const server = await startNodeServer(kind);
    closers.push(() => server.close());
    await clientOf(server.url).execute([routed(put("a", "1"))], { ...call, requestId: "b1-7" });
    expect(server.requestIds).toEqual([undefined, "b1-7"]);
    await clientOf(server.url).execute([routed(put("a", "1"))], call);
    expect(server.requestIds.at(-1)).toBeUndefined();
  });
});

describe("UndiciNodeClient, as part of a cluster", () => {
  it.each([
    ["full", ["GET /health", "POST /batch", "GET /shards", "PUT /assignments"]],
    ["plain", ["GET /health", "PUT /shard/0/store/a"]],
  ] as const)(
    "sends its cluster and the intended node in each request to a %s storage node",
    async (kind, expected) => {
      const named: string[] = [];
      const answer: BrokenAnswer = (response, { headers, method, url }) => {
        if (headers[clusterHeader] === "c1" && headers[targetNodeHeader] === "node2") named.push(`${method} ${url}`);
        if (url === "/health") response.end(JSON.stringify(kind === "full" ? { protocol: nodeProtocol } : {}));
        else if (url === "/batch") batch(response, [{ kind: "notFound" }]);
        else if (url === "/shards") response.end('{"shards":[]}');
        else response.writeHead(201).end();
      };
      const { client } = await brokenClient(answer, answer);
      await client.execute([routed(kind === "full" ? get("a") : put("a", "1"))], call);
      await client.shards(call);
      await client.assign({ clusterId: "c1", shardCount: 4, mapVersion: 1 }, call);
      expect(named).toEqual(expected);
    },
  );

  it.each([
    ["full", "POST /batch"],
    ["plain", "PUT /shard/0/store/a"],
  ] as const)("has each operation refused by a %s storage node of another cluster or name", async (kind, request) => {
    for (const code of ["CLUSTER_MISMATCH", "NODE_CONFLICT"]) {
      const { client, server } = await brokenClient(problem(409, code), (response) =>
        response.end(JSON.stringify(kind === "full" ? { protocol: nodeProtocol } : {})),
      );
      const outcomes = await client.execute([routed(put("a", "1"))], call);
      expect(outcomes).toEqual([{ kind: "refused", code, message: "It is so." }]);
      expect(server.requests.at(-1)).toBe(request);
    }
  });
});

describe("UndiciNodeClient, with a token", () => {
  it.each([
    ["full", ["GET /health", "POST /batch", "GET /shards", "PUT /assignments"]],
    ["plain", ["GET /health", "PUT /shard/0/store/a"]],
  ] as const)("sends it with each request to a %s storage node, including probes", async (kind, requests) => {
    const authorizations: (string | undefined)[] = [];
    const answer: BrokenAnswer = (response, request) => {
      authorizations.push(request.headers.authorization);
      if (request.url === "/health") response.end(JSON.stringify(kind === "full" ? { protocol: nodeProtocol } : {}));
      else if (request.url === "/batch") batch(response, [{ kind: "notFound" }]);
      else if (request.url === "/shards") response.end('{"shards":[]}');
      else response.writeHead(201).end();
    };
    const server = await startBrokenServer(answer, answer);
    const client = new UndiciNodeClient({
      name: "node2",
      url: server.url,
      facts,
      guard: openGuard,
      tls: noTls,
      token: "abc",
    });
    closers.push(
      () => server.close(),
      () => client.close(),
    );
    await client.probe(call);
    await client.execute([routed(kind === "full" ? get("a") : put("a", "1"))], call);
    await client.shards(call);
    await client.assign({ clusterId: "c", shardCount: 1, mapVersion: 1 }, call);
    expect([...new Set(server.requests)]).toEqual(requests);
    expect(new Set(authorizations)).toEqual(new Set(["Bearer abc"]));
  });
});

describe("UndiciNodeClient, when the connection fails", () => {
  it("knows that a refused connection carried nothing", async () => {
    const url = await unusedUrl();
    const fault = await faultFrom(clientOf(url));
    expect(fault).toMatchObject({ reason: "connectionRefused", isUnsent: true });
    expect(fault.message).toBe(`storage node node2 (${url}) refused the connection`);
  });

  it("assumes nothing about a connection that is reset before the answer", async () => {
    const { client } = await brokenClient((response) => response.socket?.resetAndDestroy());
    expect(await faultFrom(client)).toMatchObject({ reason: "connectionReset", isUnsent: false });
  });

  it("assumes nothing about a connection that is closed before the answer", async () => {
    const { client } = await brokenClient((response) => response.socket?.end());
    expect(await faultFrom(client)).toMatchObject({ reason: "connectionReset", isUnsent: false });
  });

  it("rejects an answer that breaks off in the middle", async () => {
    const { client } = await brokenClient((response) => {
      response.writeHead(200, { "content-type": batchMediaType, "content-length": 100 });
      response.write('{"outcomes":[', () => response.socket?.destroy());
    });
    expect(await faultFrom(client)).toMatchObject({ reason: "connectionReset", isUnsent: false });
  });

  it("gives up a storage node that hangs after it received the request", async () => {
    const { client } = await brokenClient(() => {});
    expect(await faultFrom(client, 100)).toMatchObject({ reason: "timeout", isUnsent: false });
  });

  it("gives up an answer that arrives too slowly", async () => {
    const { client } = await brokenClient((response) => {
      response.writeHead(200, { "content-type": batchMediaType });
      const timer = setInterval(() => response.write(" "), 10);
      response.on("close", () => clearInterval(timer));
    });
    expect(await faultFrom(client, 150)).toMatchObject({ reason: "timeout", isUnsent: false });
  });

  it("reads an answer that arrived while the gateway was blocked for longer than the timeout", async () => {
    const standStill = (ms: number): void => {
      for (const untilMs = performance.now() + ms; performance.now() < untilMs;);
    };
    const { client } = await brokenClient((response) => {
      batch(response, [{ kind: "notFound" }]);
      setImmediate(() => standStill(400));
    });
    expect(await client.execute([routed(get("a"))], { timeoutMs: 200 })).toEqual([{ kind: "notFound" }]);
  });

  it("distinguishes an answer that arrived in large part from a storage node that is silent", async () => {
    const { client } = await brokenClient((response) => {
      response.writeHead(200, { "content-type": batchMediaType });
      response.write(Buffer.alloc(largeAnswerBytesMin, " "));
    });
    expect(await faultFrom(client, 300)).toMatchObject({ reason: "slowAnswer", isUnsent: false });
  });

  it("knows that a storage node that hangs before the actual request executed nothing", async () => {
    const { client } = await brokenClient(
      () => {},
      () => {},
    );
    expect(await faultFrom(client, 100)).toMatchObject({ reason: "timeout", isUnsent: true });
  });

  it("rejects calls in flight when it is closed, and all later ones", async () => {
    const { client, server } = await brokenClient(() => {});
    const fault = faultFrom(client);
    await vi.waitFor(() => expect(server.requests).toContain("POST /batch"));
    await client.close();
    expect(await fault).toMatchObject({ reason: "aborted", isUnsent: false });
    expect(await faultFrom(client)).toMatchObject({ reason: "aborted", isUnsent: true });
  });

  it("rejects when its caller aborts", async () => {
    const { client, server } = await brokenClient(() => {});
    const givenUp = new AbortController();
    const execution = client.execute([routed(get("a"))], { ...call, signal: givenUp.signal });
    await vi.waitFor(() => expect(server.requests).toContain("POST /batch"));
    givenUp.abort();
    await expect(execution).rejects.toMatchObject({ reason: "aborted", isUnsent: false });
  });
});

describe("UndiciNodeClient, when the answer is invalid", () => {
  it("refuses a redirect and does not follow it", async () => {
    const { client, server } = await brokenClient((response) => response.writeHead(307, { location: "/other" }).end());
    expect(await faultFrom(client)).toMatchObject({ reason: "redirect", isUnsent: false });
    expect(server.requests).toEqual(["GET /health", "POST /batch"]);
  });

  it("refuses HTML with status 200", async () => {
    const { client } = await brokenClient((response) => response.setHeader("content-type", "text/html").end("<h1>Hi"));
    expect(await faultFrom(client)).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
  });

  it("refuses an answer without a media type", async () => {
    const { client } = await brokenClient((response) => response.end('{"outcomes":[{"status":201}]}\n'));
    expect((await faultFrom(client)).message).toContain("status 200, no media type");
  });

  it("refuses an answer with another status than 200", async () => {
    const { client } = await brokenClient((response) => response.writeHead(204).end());
    expect(await faultFrom(client)).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
  });

  it("refuses a wrong number of outcomes", async () => {
    const { client } = await brokenClient((response) => batch(response, [{ kind: "notFound" }, { kind: "notFound" }]));
    const fault = await faultFrom(client);
    expect(fault).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
    expect(fault.message).toContain("2 outcomes answer 1 operations");
  });

  it("refuses bytes that are not HTTP", async () => {
    const { client } = await brokenClient((response) => response.socket?.write("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await faultFrom(client)).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
  });

  it("cuts off an answer that is too long", async () => {
    const { client } = await brokenClient((response) => {
      response.writeHead(200, { "content-type": batchMediaType });
      const chunk = Buffer.alloc(1024 * 1024, 0x20);
      const more = () => {
        if (!response.destroyed) response.write(chunk, more);
      };
      more();
    });
    const fault = await faultFrom(client);
    expect(fault).toMatchObject({ reason: "answerTooLarge", isUnsent: false });
    expect(fault.message).toContain(String(nodeAnswerBytesMax));
  });

  it("cuts off headers that are too long, including endless informational answers", async () => {
    const long = await brokenClient((response) => response.writeHead(200, { "x-long": "x".repeat(64 * 1024) }).end());
    expect(await faultFrom(long.client)).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
    const endless = await brokenClient((response) => {
      const more = (): void => {
        if (response.socket?.destroyed === false) response.socket.write("HTTP/1.1 102 Processing\r\n\r\n", more);
      };
      more();
    });
    expect(await faultFrom(endless.client, 300)).toMatchObject({ reason: "timeout", isUnsent: false });
  });

  it("never decompresses, so that a small answer stays small", async () => {
    const bomb = gzipSync(Buffer.alloc(4 * nodeAnswerBytesMax));
    const { client } = await brokenClient((response, request) => {
      expect(request.headers["accept-encoding"]).toBeUndefined();
      response.writeHead(200, { "content-type": batchMediaType, "content-encoding": "gzip" }).end(bomb);
    });
    expect(await faultFrom(client)).toMatchObject({ reason: "malformedAnswer", isUnsent: false });
  });

  it("treats a server error as an unknown outcome", async () => {
    const { client } = await brokenClient((response) => response.writeHead(500).end("oops"));
    const fault = await faultFrom(client);
    expect(fault).toMatchObject({ reason: "serverError", isUnsent: false });
    expect(fault.message).toMatch(/^storage node node2 \(http:\/\/127\.0\.0\.1:\d+\) answered 500$/);
  });

  it.each([
    [503, "DRAINING", "draining", true],
    [503, "OVERLOADED", "serverError", true],
    [429, "OVERLOADED", "serverError", true],
    [413, "BODY_TOO_LARGE", "serverError", true],
    [500, "STORAGE_FAILED", "serverError", false],
    [503, "SOMETHING_ELSE", "serverError", false],
  ])("knows what %i %s means for the operations", async (status, code, reason, isUnsent) => {
    const { client } = await brokenClient(problem(status, code));
    expect(await faultFrom(client)).toMatchObject({ reason, isUnsent });
  });
});

describe("UndiciNodeClient, with requests other than batches", () => {
  it("validates hosted shards strictly", async () => {
    const { client } = await brokenClient((response) => response.end('{"shards":[{"shardId":1}]}'));
    await expect(client.shards(call)).rejects.toMatchObject({ reason: "malformedAnswer" });
    const failing = await brokenClient((response) => response.writeHead(503).end());
    await expect(failing.client.shards(call)).rejects.toMatchObject({ reason: "serverError" });
    const other = await brokenClient((response) => response.end("[null]"));
    await expect(other.client.shards(call)).rejects.toMatchObject({ reason: "malformedAnswer" });
    const none = await brokenClient((response) => response.end('{"shards":[null]}'));
    await expect(none.client.shards(call)).rejects.toMatchObject({ reason: "malformedAnswer" });
  });

  it("rejects when assignments are refused, with the reason", async () => {
    const { client } = await brokenClient(problem(409, "CLUSTER_MISMATCH"));
    const assigned = client.assign({ clusterId: "c", shardCount: 4, mapVersion: 1, shards: [] }, call);
    await expect(assigned).rejects.toThrow("answered CLUSTER_MISMATCH (It is so)");
  });

  it("counts any answer to a probe as a sign of life", async () => {
    for (const status of [200, 404, 500]) {
      const { client } = await brokenClient(
        () => {},
        (response) => response.writeHead(status).end("?"),
      );
      await expect(client.probe(call)).resolves.toMatchObject({ kind: "plain", name: null, clusterId: null });
    }
  });
});

describe("UndiciNodeClient, detecting the kind of a storage node", () => {
  const written: Operation = put("a", "1");

  it("asks once, and not again for every batch", async () => {
    const { client, server } = await brokenClient((response) => batch(response, [{ kind: "notFound" }]));
    for (let round = 0; round < 3; round++) await client.execute([routed(get("a"))], call);
    expect(server.requests).toEqual(["GET /health", "POST /batch", "POST /batch", "POST /batch"]);
  });

  it.each([404, 405, 501])("falls back to the plain routes when /batch is answered with %i", async (status) => {
    const { client, server } = await brokenClient((response, request) =>
      response.writeHead(request.url === "/batch" ? status : 201).end(),
    );
    expect(await client.execute([routed(written)], call)).toMatchObject([{ kind: "written", isNew: true }]);
    expect(await client.execute([routed(written)], call)).toMatchObject([{ kind: "written" }]);
    expect(server.requests.filter((request) => request === "POST /batch")).toHaveLength(1);
  });

  it("asks again after a failed health request, which a proxy may have answered", async () => {
    let status = 502;
    const { client, server } = await brokenClient(
      (response) => response.writeHead(201).end(),
      (response) => response.writeHead(status).end('{"protocol":"shardgate/1"}'.repeat(status === 502 ? 0 : 1)),
    );
    await client.execute([routed(written)], call);
    status = 200;
    await client.execute([routed(written)], call).catch(() => {});
    expect(server.requests).toEqual(
      ["GET /health", "PUT /shard/0/store/a", "GET /health", "POST /batch"].map((text) =>
        text.replace("/shard/0/", `/shard/${written.shard}/`),
      ),
    );
    status = 502;
    await expect(client.probe(call)).resolves.toMatchObject({ kind: "full" });
  });

  it("notices that a plain storage node was replaced by a full one", async () => {
    const plain = await startNodeServer("plain");
    const client = clientOf(plain.url);
    await client.execute([routed(written)], call);
    await plain.close();
    const full = await startNodeServer("full", { port: plain.port });
    closers.push(() => full.close());
    await vi.waitFor(async () => {
      await client.execute([routed(written)], call);
      expect(full.requests).toContain("POST /batch");
    });
  });

  it("returns the name of a full storage node, and whether its start is acknowledged", async () => {
    let health: object = { id: "node2", isAcknowledged: false };
    const { client } = await brokenClient(
      () => {},
      (response) => response.end(JSON.stringify({ protocol: nodeProtocol, ...health })),
    );
    expect(await client.probe(call)).toMatchObject({ name: "node2", isAcknowledged: false });
    health = { id: "x".repeat(1_000), isAcknowledged: true };
    expect(await client.probe(call)).toMatchObject({ name: "x".repeat(63), isAcknowledged: true });
    health = { id: 7 };
    expect(await client.probe(call)).toMatchObject({ name: null, isAcknowledged: true });
  });

  it("sends no operations to a gateway", async () => {
    const asked: (string | undefined)[] = [];
    const { client } = await brokenClient(
      (response) => {
        asked.push(response.req.url);
        response.writeHead(404).end();
      },
      (response) => response.end(JSON.stringify({ status: "ok", protocol: gatewayProtocol })),
    );
    const fault = {
      reason: "gateway",
      isUnsent: true,
      message: expect.stringMatching(/^storage node .* is a gateway$/),
    };
    await expect(client.probe(call)).rejects.toMatchObject(fault);
    await expect(client.execute([routed(put("a", "1"))], call)).rejects.toMatchObject(fault);
    expect(asked).toEqual([]);
  });

  it("returns the cluster of a full storage node, and none when it is not text", async () => {
    let clusterId: unknown = "c7";
    const { client } = await brokenClient(
      () => {},
      (response) => response.end(JSON.stringify({ protocol: nodeProtocol, clusterId })),
    );
    expect(await client.probe(call)).toMatchObject({ kind: "full", clusterId: "c7" });
    for (clusterId of [null, 7, {}]) expect(await client.probe(call)).toMatchObject({ kind: "full", clusterId: null });
  });

  it("sends nothing to a server without the whole protocol where a storage node registered a store", async () => {
    const { client, server } = await brokenClient((response) => response.writeHead(404).end());
    const known = new UndiciNodeClient({
      name: "node2",
      url: server.url,
      facts: { ...facts, mayBePlain: () => false },
      guard: openGuard,
      tls: noTls,
    });
    closers.push(() => known.close());
    for (let round = 0; round < 2; round++) await known.execute([routed(get("a"))], call).catch(() => {});
    // The server has the health of a full storage node, but no batches.
    expect(server.requests).toEqual(["GET /health", "POST /batch", "GET /health", "POST /batch"]);
    const fault = known.execute([routed(get("a"))], call);
    await expect(fault).rejects.toMatchObject({ reason: "malformedAnswer", isUnsent: true });
    expect(await client.execute([routed(get("a"))], call)).toEqual([{ kind: "notFound" }]);
    const plain = await brokenClient(
      (response) => response.writeHead(404).end(),
      (response) => response.writeHead(404).end(),
    );
    const replaced = new UndiciNodeClient({
      name: "node2",
      url: plain.server.url,
      facts: { ...facts, mayBePlain: () => false },
      guard: openGuard,
      tls: noTls,
    });
    closers.push(() => replaced.close());
    await expect(replaced.execute([routed(get("a"))], call)).rejects.toMatchObject({ isUnsent: true });
    await expect(replaced.shards(call)).rejects.toMatchObject({ isUnsent: true });
    expect(plain.server.requests).toEqual(["GET /health", "GET /health"]);
  });

  it("detects the kind anew with every probe", async () => {
    let protocol = "other";
    const { client } = await brokenClient(
      () => {},
      (response) => response.end(JSON.stringify({ protocol })),
    );
    await expect(client.probe(call)).resolves.toMatchObject({ kind: "plain" });
    protocol = "shardgate/1";
    await expect(client.probe(call)).resolves.toMatchObject({ kind: "full" });
  });
});
