/** `GET /data`: a page of entries in key order, over all shards. The same page as GraphQL's `scan`, with its bounds and costs. */
import type { FastifyInstance } from "fastify";
import type { GatewayBounds } from "../../../core/bounds.js";
import type { JsonEntry } from "../../../core/entry.js";
import { ShardgateError } from "../../../core/error.js";
import { keyProblem, prefixProblem } from "../../../core/key.js";
import { pageEntriesDefault } from "../../../core/limits.js";
import { AnswerBudget } from "../../../routing/answer-budget.js";
import { scanShards, type ScanPage } from "../../../routing/scan.js";
import { costProblem } from "../../cost-problem.js";
import type { OpenRequests } from "../../edge/open-requests.js";
import { ListBudget } from "../../graphql/execution/list-budget.js";
import { listSchema } from "../schemas/list-schema.js";
import { whileClientWaits } from "../route-context.js";

/** The parameters after validation by the schema. */
interface PageQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: string;
}

interface PageRequest {
  readonly prefix: string;
  readonly after: string | null;
  readonly limit: number;
}

export function addListRoute(app: FastifyInstance, bounds: GatewayBounds, openRequests: OpenRequests): void {
  app.get<{ Querystring: PageQuery }>("/data", { schema: listSchema(bounds) }, async (request, reply) => {
    const { router, membership } = request.services;
    const { shardCount } = membership;
    const page = pageRequest(request.query, request.originalUrl, bounds);
    const refusal = costProblem(page.limit + shardCount, bounds);
    if (refusal !== null) throw refusal;
    const { answer } = openRequests.of(request.raw);
    const budget = new AnswerBudget(bounds.answerBytes, answer);
    const found = await whileClientWaits(request, reply, (context) =>
      scanShards(router, { ...page, shardCount, before: null, isReverse: false }, { ...context, budget }),
    );
    new ListBudget(bounds.listItems).pay(found.entries);
    const text = pageText(found);
    answer.hold(text.length);
    return reply.type("application/json; charset=utf-8").send(text);
  });
}

/** Throws BAD_REQUEST when a parameter violates a rule. */
function pageRequest(
  { prefix = "", after, limit }: PageQuery,
  url: string,
  { pageEntries }: GatewayBounds,
): PageRequest {
  refuseBadEncoding(url);
  const prefixFault = prefixProblem(prefix);
  if (prefixFault !== null) throw new ShardgateError("BAD_REQUEST", `\`prefix\` ${prefixFault}.`);
  const afterFault = after === undefined ? null : keyProblem(after);
  if (afterFault !== null) throw new ShardgateError("BAD_REQUEST", `\`after\` is not a key: it ${afterFault}.`);
  const count = limit === undefined ? Math.min(pageEntriesDefault, pageEntries) : Number(limit);
  if (count <= pageEntries) return { prefix, after: after ?? null, limit: count };
  throw new ShardgateError("BAD_REQUEST", `\`limit\` is ${limit}; it must be 1 to ${pageEntries}.`);
}

/** The query parser keeps text that it cannot decode, and so would read other keys. */
function refuseBadEncoding(url: string): void {
  try {
    decodeURIComponent(url.slice(url.indexOf("?") + 1));
  } catch {
    throw new ShardgateError("BAD_REQUEST", "The query is not percent-encoded UTF-8.");
  }
}

/** Values are copied as they were written; only the rest is encoded as JSON here. */
function pageText({ entries, hasMore, unavailableShards }: ScanPage): string {
  const next = hasMore ? (entries.at(-1)?.key ?? null) : null;
  const rest = `"next":${JSON.stringify(next)},"unavailableShards":${JSON.stringify(unavailableShards)}`;
  return `{"entries":[${entries.map(entryText).join(",")}],${rest}}`;
}

function entryText({ key, value, version, createdAtMs, updatedAtMs, expiresAtMs }: JsonEntry): string {
  const facts = {
    key,
    version,
    createdAt: moment(createdAtMs),
    updatedAt: moment(updatedAtMs),
    expiresAt: moment(expiresAtMs),
  };
  return `${JSON.stringify(facts).slice(0, -1)},"value":${value}}`;
}

function moment(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
