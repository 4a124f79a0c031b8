/** A small storage node over real HTTP, of either kind, whose data is a MemoryNodeClient. Every request is recorded. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { ShardgateError } from "../../src/core/error.js";
import { parseJsonBytes } from "../../src/core/text/json-text.js";
import { parseKeySegment } from "../../src/core/key.js";
import type { Operation, RoutedOperation } from "../../src/core/operation.js";
import { parseShard } from "../../src/core/shard.js";
import { MemoryNodeClient } from "../../src/routing/node-client/memory-node-client.js";
import type { NodeKind } from "../../src/routing/node-client/node-client.js";
import { decodeBatchRequest, encodeBatchAnswer } from "../../src/wire/batch/batch-body.js";
import {
  batchMediaType,
  clusterHeader,
  nodeProtocol,
  problemMediaType,
  requestIdHeader,
  targetNodeHeader,
} from "../../src/wire/paths.js";
import type { AnswerBatch } from "../../src/storage-node/batch-service.js";
import { FrameConnection } from "../../src/storage-node/frames/frame-connection.js";
import { frameProtocol } from "../../src/wire/frame/frame.js";
import { FakeClock } from "./fake-clock.js";
import { RecordLog } from "./record-log.js";

export interface NodeServer {
  readonly url: string;
  readonly port: number;
  /** "METHOD path" of every request. */
  readonly requests: readonly string[];
  /** The `x-request-id` of every request. */
  readonly requestIds: readonly (string | undefined)[];
  /** Most requests that were being answered at one time. */
  readonly concurrencyMax: number;
  /** Batches that came in frames. */
  readonly framedBatches: number;
  readonly memory: MemoryNodeClient;
  close(): Promise<void>;
}

/** `basePath` comes before every route. `port` 0 takes a free one. `hasFrames`: it offers the upgrade to them. */
export async function startNodeServer(
  kind: NodeKind,
  { basePath = "", port = 0, hasFrames = false } = {},
): Promise<NodeServer> {
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
    if (route === "GET /health" && hasFrames) response.setHeader(framesHeader, "1");
    if (kind === "full") return answerFull(route, body, response, memory);
    // A turn of the event loop, so that requests that come together are seen together.
    await new Promise((resolve) => setImmediate(resolve));
    return answerPlain(route, body, response, memory);
  };
  let framedBatches = 0;
  const sockets = new Set<Duplex>();
  if (hasFrames) {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      requests.push(`${request.method} ${request.url}`);
      sockets.add(socket.on("error", () => {}));
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${frameProtocol}\r\n\r\n`);
      const answerFrame: AnswerBatch = async (body, caller) => {
        framedBatches++;
        memory.targetNode = request.headers[targetNodeHeader]?.toString() ?? null;
        memory.callerClusterId = caller.clusterId ?? null;
        requestIds.push(caller.requestId);
        return answerBatch(body, memory);
      };
      const clusterId = request.headers[clusterHeader]?.toString();
      void new FrameConnection(socket, head, { clusterId }, { ...frameService(), answer: answerFrame });
    });
  }
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
    get framedBatches() {
      return framedBatches;
    },
    memory,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy();
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
    const capabilities = response.hasHeader(framesHeader) ? ["batch", "frames"] : ["batch"];
    return json(response, { status: "ok", protocol: nodeProtocol, engine: "memory", id, clusterId, capabilities });
  }
  const conflict = conflictOf(memory);
  if (conflict !== null) return problem(response, { code: conflict.code, detail: conflict.message });
  if (route === "GET /shards") return json(response, { shards: await memory.shards(options) });
  if (route === "PUT /assignments") {
    await memory.assign(JSON.parse(body.toString()), options);
    return end(response, 204);
  }
  if (route !== "POST /batch") return end(response, 404);
  try {
    const answer = await answerBatch(body, memory);
    response.writeHead(200, { "content-type": batchMediaType }).end(answer);
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw error;
    problem(response, { code: error.code, detail: error.message });
  }
}

/** Marks an answer of a server with frames until its body is made. */
const framesHeader = "x-has-frames";

/** A request for another storage node than this one. */
function conflictOf({ name, targetNode }: MemoryNodeClient): ShardgateError | null {
  if (name === null || targetNode === null || name === targetNode) return null;
  return new ShardgateError("NODE_CONFLICT", `This storage node is ${name}, not ${targetNode}.`);
}

async function answerBatch(body: Buffer, memory: MemoryNodeClient): Promise<Buffer> {
  const conflict = conflictOf(memory);
  if (conflict !== null) throw conflict;
  const operations = decodeBatchRequest(body).map((item) => {
    if (item instanceof ShardgateError) throw item;
    return item;
  });
  const outcomes = await memory.execute(operations, { timeoutMs: 60_000 });
  const refusal = outcomes.find((outcome) => outcome.kind === "refused" && outcome.code === "CLUSTER_MISMATCH");
  if (refusal?.kind === "refused") throw new ShardgateError(refusal.code, refusal.message);
  return encodeBatchAnswer(outcomes);
}

function frameService() {
  const gate = { isClosed: false, begin: () => {}, end: () => {} };
  return { gate, metrics: { requestAnswered: () => {} }, clock: new FakeClock(), log: new RecordLog(), connections: 1 };
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
