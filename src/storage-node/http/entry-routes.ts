/**
 * The plain routes of a storage node: one entry as one resource, and a page of a shard. Existing clients depend on
 * them, so they must never change. Request and answer bodies are the JSON text of the values.
 */
import type { FastifyInstance, FastifyRequest } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { parseJsonBytes } from "../../core/text/json-text.js";
import { parseKeySegment, type Key } from "../../core/key.js";
import { nodeBatchAnswerBytesMax, pageEntriesDefault, pageEntriesMax, valueBytesMax } from "../../core/limits.js";
import type { Operation, Outcome } from "../../core/operation.js";
import { parseShard, type ShardNumber } from "../../core/shard.js";
import { conditionOfHeaders, expiryOfQuery, headersOfFacts, isNotModified } from "../../wire/conditional-headers.js";
import { shardEpochHeader } from "../../wire/paths.js";
import { bodyOf, callerOf, queryText, refuseOtherMethods, wholeNumberOf } from "./request-fields.js";
import type { ShardHost } from "../shards/shard-host.js";

const entryRoute = "/shard/:shard/store/:key";
const pageRoute = "/shard/:shard/store";
const jsonMediaType = "application/json";

export function addEntryRoutes(app: FastifyInstance, host: ShardHost): void {
  app.get(entryRoute, async (request, reply) => {
    const outcome = await run(host, request, { kind: "get", ...addressOf(request) });
    if (outcome.kind !== "found") throw failureOf(request, outcome);
    const { entry } = outcome;
    reply.headers(headersOfFacts(entry));
    if (isNotModified(request.headers["if-none-match"], entry.version)) return reply.code(304).send();
    return reply.type(jsonMediaType).send(entry.value);
  });

  app.put(entryRoute, { bodyLimit: valueBytesMax }, async (request, reply) => {
    const outcome = await run(host, request, {
      kind: "put",
      ...addressOf(request),
      value: parseJsonBytes(bodyOf(request)),
      expiry: expiryOfQuery(queryText(request, "ttl")),
      condition: conditionOf(request),
    });
    if (outcome.kind !== "written") throw failureOf(request, outcome);
    return reply
      .code(outcome.isNew ? 201 : 200)
      .headers(headersOfFacts(outcome.facts))
      .send();
  });

  app.delete(entryRoute, async (request, reply) => {
    const outcome = await run(host, request, {
      kind: "delete",
      ...addressOf(request),
      condition: conditionOf(request),
    });
    if (outcome.kind !== "deleted") throw failureOf(request, outcome);
    return reply.code(204).send();
  });

  app.get(pageRoute, async (request, reply) => {
    const outcome = await run(host, request, {
      kind: "scan",
      shard: shardOf(request),
      prefix: queryText(request, "prefix") ?? "",
      after: queryText(request, "after") ?? null,
      before: null,
      limit: limitOf(queryText(request, "limit")),
      bytesMax: nodeBatchAnswerBytesMax,
      isReverse: false,
    });
    if (outcome.kind !== "page") throw failureOf(request, outcome);
    return reply.type(jsonMediaType).send(pageText(outcome));
  });

  refuseOtherMethods(app, entryRoute, ["GET", "HEAD", "PUT", "DELETE"]);
  refuseOtherMethods(app, pageRoute, ["GET", "HEAD"]);
}

async function run(host: ShardHost, request: FastifyRequest, operation: Operation): Promise<Outcome> {
  const [outcome] = await host.execute([{ operation, epoch: epochOf(request) }], callerOf(request));
  if (outcome === undefined) throw new Error("The shard host gave no outcome.");
  return outcome;
}

function addressOf(request: FastifyRequest): { readonly shard: ShardNumber; readonly key: Key } {
  return { shard: shardOf(request), key: keyOf(request) };
}

function shardOf(request: FastifyRequest): ShardNumber {
  return parseShard((request.params as { readonly shard: string }).shard);
}

/** Parsed from the raw target, because the router's decoding refuses some encodings and confuses others. */
function keyOf(request: FastifyRequest): Key {
  const path = (request.raw.url ?? "").replace(/[?#].*$/s, "");
  return parseKeySegment(path.slice(path.lastIndexOf("/") + 1));
}

function conditionOf({ headers }: FastifyRequest): ReturnType<typeof conditionOfHeaders> {
  return conditionOfHeaders({ ifMatch: headers["if-match"], ifNoneMatch: headers["if-none-match"] });
}

function epochOf({ headers }: FastifyRequest): number | null {
  const text = headers[shardEpochHeader];
  return text === undefined ? null : wholeNumberOf(`${text}`, "Shard-Epoch", { min: 0, max: Number.MAX_SAFE_INTEGER });
}

function limitOf(text: string | undefined): number {
  return text === undefined ? pageEntriesDefault : wholeNumberOf(text, "limit", { min: 1, max: pageEntriesMax });
}

/** Values are copied as they were written; only keys are encoded as JSON here. */
function pageText({ entries, hasMore }: Extract<Outcome, { kind: "page" }>): string {
  const items = entries.map(({ key, version, value }) => {
    return `{"key":${JSON.stringify(key)},"version":${JSON.stringify(version)},"value":${value}}`;
  });
  const next = hasMore ? (entries.at(-1)?.key ?? null) : null;
  return `{"entries":[${items.join(",")}],"next":${JSON.stringify(next)}}`;
}

/** The error for an outcome other than success. */
function failureOf(request: FastifyRequest, outcome: Outcome): ShardgateError {
  const shard = shardOf(request);
  switch (outcome.kind) {
    case "refused": {
      const { code, message, epoch } = outcome;
      return new ShardgateError(code, message, epoch === undefined ? { shard } : { shard, epoch });
    }
    case "conflict": {
      const version = outcome.current?.version ?? null;
      const state = version === null ? "does not exist" : `has version ${version}`;
      const message = `The condition does not hold: key ${JSON.stringify(keyOf(request))} in shard ${shard} ${state}.`;
      return new ShardgateError("VERSION_CONFLICT", message, { shard, version });
    }
    case "notFound":
      return new ShardgateError("KEY_NOT_FOUND", `Key ${JSON.stringify(keyOf(request))} is not in shard ${shard}.`, {
        shard,
      });
    default:
      throw new Error(`Outcome ${outcome.kind} does not answer ${request.method}.`);
  }
}
