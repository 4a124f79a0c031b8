/**
 * `/data/{key}`: one entry as one resource, whatever shard and storage node it is on. The semantics are those of a
 * storage node's plain routes.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { JsonEntry } from "../../../core/entry.js";
import { ShardgateError } from "../../../core/error.js";
import { parseJsonBytes } from "../../../core/text/json-text.js";
import { parseKeySegment, utf8Bytes, type Key } from "../../../core/key.js";
import type { FoundOutcome, Operation, Outcome, OperationCondition } from "../../../core/operation.js";
import type { ShardNumber } from "../../../core/shard.js";
import { conditionOfHeaders, expiryOfQuery, headersOfFacts, isNotModified } from "../../../wire/conditional-headers.js";
import { nodeHeader, shardHeader } from "../../../wire/paths.js";
import type { GatewayBounds } from "../../../core/bounds.js";
import type { OpenRequests } from "../../edge/open-requests.js";
import { readBody } from "../../edge/request-body.js";
import { isTraced } from "../../trace-permission.js";
import { dataPrefix } from "../key-path.js";
import { deleteSchema, getSchema, headSchema, putSchema } from "../schemas/data-schemas.js";
import { whileClientWaits } from "../route-context.js";
import { ServerTiming, serverTimingHeader } from "../server-timing.js";

interface DataRequest {
  Params: { key: string };
  Querystring: { ttl?: string };
}
type Request = FastifyRequest<DataRequest>;

/** Without this, the OpenAPI generator omits HEAD routes. */
const documented = { swagger: { exposeHeadRoute: true } };

interface Address {
  readonly key: Key;
  readonly shard: ShardNumber;
}

/** Must be registered as a plugin of its own: here bodies are bytes, whatever their media type. */
export function addDataRoutes(app: FastifyInstance, bounds: GatewayBounds, openRequests: OpenRequests): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", async ({ raw }: FastifyRequest) => readBody(openRequests.of(raw), bounds.valueBytes));
  app.addHook("onRequest", async ({ raw, originalUrl }) => {
    // The router also accepts `/%64ata/` for this path, and would then have decoded a key that `keepKeyRaw` did not
    // encode.
    if (!originalUrl.startsWith(dataPrefix))
      throw new ShardgateError("NOT_FOUND", `The path must begin with ${dataPrefix}.`);
    // JSON text is accepted even with a media type that fastify cannot parse.
    delete raw.headers["content-type"];
  });

  app.get<DataRequest>("/data/:key", { schema: getSchema, exposeHeadRoute: false }, async (request, reply) => {
    const { entry } = await find(request, reply);
    if (isAnswered(entry, request, reply)) return reply;
    openRequests.of(request.raw).answer.hold(entry.value.length);
    return reply.send(entry.value);
  });

  app.head<DataRequest>("/data/:key", { schema: headSchema, config: documented }, async (request, reply) => {
    const { entry } = await find(request, reply);
    if (isAnswered(entry, request, reply)) return reply;
    return reply.header("content-length", utf8Bytes(entry.value)).send();
  });

  app.put<DataRequest>("/data/:key", { schema: putSchema(bounds) }, async (request, reply) => {
    const address = addressOf(request, reply);
    const outcome = await execute(request, reply, {
      kind: "put",
      ...address,
      value: parseJsonBytes(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0), bounds),
      expiry: expiryOfQuery(request.query.ttl),
      condition: conditionOf(request),
    });
    if (outcome.kind !== "written") throw failureOf(outcome, address);
    reply.headers(headersOfFacts(outcome.facts));
    return reply.code(outcome.isNew ? 201 : 200).send();
  });

  app.delete<DataRequest>("/data/:key", { schema: deleteSchema }, async (request, reply) => {
    const address = addressOf(request, reply);
    const outcome = await execute(request, reply, { kind: "delete", ...address, condition: conditionOf(request) });
    if (outcome.kind !== "deleted") throw failureOf(outcome, address);
    return reply.code(204).send();
  });
}

async function find(request: Request, reply: FastifyReply): Promise<FoundOutcome> {
  const address = addressOf(request, reply);
  const outcome = await execute(request, reply, { kind: "get", ...address });
  if (outcome.kind !== "found") throw failureOf(outcome, address);
  return outcome;
}

/**
 * Sets the headers of an entry's answer. Returns true, having answered 304, when the client has this version already.
 */
function isAnswered(entry: JsonEntry, { headers }: Request, reply: FastifyReply): boolean {
  reply.headers({ ...headersOfFacts(entry), "cache-control": "no-cache" });
  if (!isNotModified(headers["if-none-match"], entry.version)) {
    // Set explicitly: fastify would add the charset only to an answer with a body, not to that of HEAD.
    reply.type("application/json; charset=utf-8");
    return false;
  }
  reply.code(304).send();
  return true;
}

/**
 * The key, decoded from its raw path segment once and strictly, and its shard, which every answer from here on names.
 */
function addressOf({ params, services: { membership } }: Request, reply: FastifyReply): Address {
  const key = parseKeySegment(params.key);
  const { shard } = membership.shardOfKey(key);
  reply.header(shardHeader, shard);
  return { key, shard };
}

/** Runs one operation. */
async function execute(request: Request, reply: FastifyReply, operation: Operation): Promise<Outcome> {
  const { router, membership } = request.services;
  const timing = isTraced(request.raw, request.caller) ? new ServerTiming() : null;
  try {
    const [outcome] = await whileClientWaits(request, reply, (context) =>
      router.execute([operation], timing === null ? context : { ...context, recorder: timing }),
    );
    if (outcome === undefined) throw new Error("The router gave no outcome.");
    return outcome;
  } finally {
    const node = membership.isVisible ? membership.shardOf(operation.shard).primary : null;
    if (node !== null) reply.header(nodeHeader, node);
    if (timing !== null) reply.header(serverTimingHeader, timing.text);
  }
}

function conditionOf({ headers }: Request): OperationCondition | null {
  return conditionOfHeaders({ ifMatch: headers["if-match"], ifNoneMatch: headers["if-none-match"] });
}

/** The error for an outcome other than success. */
function failureOf(outcome: Outcome, { key, shard }: Address): ShardgateError {
  const shown = JSON.stringify(key);
  switch (outcome.kind) {
    case "refused":
      return new ShardgateError(outcome.code, outcome.message, { shard });
    case "notFound":
      return new ShardgateError("KEY_NOT_FOUND", `Key ${shown} is not in shard ${shard}.`, { shard });
    case "conflict": {
      const version = outcome.current?.version ?? null;
      const state = version === null ? "does not exist" : `has version ${version}`;
      const message = `The condition does not hold: key ${shown} in shard ${shard} ${state}.`;
      return new ShardgateError("VERSION_CONFLICT", message, { shard, version });
    }
    default:
      throw new Error(`Outcome ${outcome.kind} answers another operation.`);
  }
}
