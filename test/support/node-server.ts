/** A small storage node over real HTTP, of either kind, whose data is a MemoryNodeClient. Every request is recorded. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ShardgateError } from "../../src/core/error.js";
import { parseJsonBytes } from "../../src/core/json-text.js";
import { parseKeySegment } from "../../src/core/key.js";
import type { Operation, RoutedOperation } from "../../src/core/operation.js";
import { parseShard } from "../../src/core/shard.js";
import { MemoryNodeClient } from "../../src/routing/memory-node-client.js";
import type { NodeKind } from "../../src/routing/node-client.js";
import { decodeBatchRequest, encodeBatchAnswer } from "../../src/wire/batch-body.js";
import {
  batchMediaType,
  clusterHeader,
  nodeProtocol,
  problemMediaType,
  requestIdHeader,
  targetNodeHeader,
} from "../../src/wire/paths.js";
import { FakeClock } from "./fake-clock.js";

export interface NodeServer {
  readonly url: string;
  readonly port: number;
  /** "METHOD path" of every request. */
  readonly requests: readonly string[];
  /** The `x-request-id` of every request. */
  readonly requestIds: readonly (string | undefined)[];
  /** Most requests that were being answered at one time. */
  readonly concurrencyMax: number;
  readonly memory: MemoryNodeClient;
  close(): Promise<void>;
}

/** `basePath` comes before every route. `port` 0 takes a free one. */
export async function startNodeServer(kind: NodeKind, { basePath = "", port = 0 } = {}): Promise<NodeServer> {
  const memory = new MemoryNodeClient(new FakeClock(), kind);
  const requests: string[] = [];
  const requestIds: (string | undefined)[] = [];
  let [running, concurrencyMax] = [0, 0];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    requestIds.push(request.headers[requestIdHeader]?.toString());
    concurrencyMax = Math.max(concurrencyMax, ++running);
    response.on("close", () => running--);
    void answer(request, response);
  });
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await bodyOf(request);
    const url = request.url ?? "";
    if (!url.startsWith(basePath)) return end(response, 404);
    const route = `${request.method} ${url.slice(basePath.length)}`;
    memory.targetNode = request.headers[targetNodeHeader]?.toString() ?? null;
    memory.callerClusterId = request.headers[clusterHeader]?.toString() ?? null;
    if (kind === "full") return answerFull(route, body, response, memory);
    // A turn of the event loop, so that requests that come together are seen together.
    await new Promise((resolve) => setImmediate(resolve));
    return answerPlain(route, body, response, memory);
  };
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const taken = (server.address() as AddressInfo).port;
  return {
    url: `http://127.0.0.1:${taken}${basePath}`,
    port: taken,
    requests,
    requestIds,
    get concurrencyMax() {
      return concurrencyMax;
    },
    memory,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerFull(
  route: string,
  body: Buffer,
  response: ServerResponse,
  memory: MemoryNodeClient,
): Promise<void> {
  const options = { timeoutMs: 60_000 };
  if (route === "GET /health") {
    const { name: id, clusterId } = await memory.probe(options);
    return json(response, { status: "ok", protocol: nodeProtocol, engine: "memory", id, clusterId });
  }
  const { name, targetNode } = memory;
  if (name !== null && targetNode !== null && name !== targetNode) {
    return problem(response, { code: "NODE_CONFLICT", detail: `This storage node is ${name}, not ${targetNode}.` });
  }
  if (route === "GET /shards") return json(response, { shards: await memory.shards(options) });
  if (route === "PUT /assignments") {
    await memory.assign(JSON.parse(body.toString()), options);
    return end(response, 204);
  }
  if (route !== "POST /batch") return end(response, 404);
  const operations = decodeBatchRequest(body).map((item) => {
    if (item instanceof ShardgateError) throw item;
    return item;
  });
  const outcomes = await memory.execute(operations, options);
  const refusal = outcomes.find((outcome) => outcome.kind === "refused" && outcome.code === "CLUSTER_MISMATCH");
  if (refusal?.kind === "refused") return problem(response, { code: refusal.code, detail: refusal.message });
  response.writeHead(200, { "content-type": batchMediaType }).end(encodeBatchAnswer(outcomes));
}

async function answerPlain(
  route: string,
  body: Buffer,
  response: ServerResponse,
  memory: MemoryNodeClient,
): Promise<void> {
  const match = /^(GET|PUT|DELETE) \/shard\/(\d+)\/store\/([^/?]+)$/.exec(route);
  if (match === null) return end(response, 404);
  const [, method = "", shard, segment = ""] = match;
  const place = { shard: parseShard(shard), key: parseKeySegment(segment) };
  const run = async (operation: Operation) => {
    const routed: RoutedOperation = { operation, epoch: null };
    return (await memory.execute([routed], { timeoutMs: 60_000 }))[0];
  };
  if (method === "PUT") {
    const outcome = await run({ kind: "put", ...place, value: parseJsonBytes(body), expiry: null, condition: null });
    return end(response, outcome?.kind === "written" && outcome.isNew ? 201 : 200);
  }
  if (method === "DELETE") {
    const outcome = await run({ kind: "delete", ...place, condition: null });
    return end(response, outcome?.kind === "deleted" ? 204 : 404);
  }
  const outcome = await run({ kind: "get", ...place });
  if (outcome?.kind !== "found") return end(response, 404);
  response.writeHead(200, { "content-type": "application/json" }).end(outcome.entry.value);
}

function problem(response: ServerResponse, body: unknown): void {
  response.writeHead(409, { "content-type": problemMediaType }).end(JSON.stringify(body));
}

function json(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(body));
}

function end(response: ServerResponse, status: number): void {
  response.writeHead(status).end();
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
