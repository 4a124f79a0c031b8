/** The REST API: fastify with its routes, its error handling, its request ids and its validation. */
import swagger from "@fastify/swagger";
import fastify, { type FastifyInstance, type FastifyRequest, type FastifyServerFactory } from "fastify";
import { ShardgateError } from "../../core/error.js";
import { requestIdHeader } from "../../wire/paths.js";
import { answerClientError } from "../edge/connection-error.js";
import type { OpenRequests } from "../edge/open-requests.js";
import { readBody } from "../edge/request-body.js";
import { parseJsonBody } from "../json-body.js";
import type { GatewayServices } from "../services.js";
import { findCaller } from "./request-caller.js";
import { allowedMethods, type KnownRoute } from "./allowed-methods.js";
import { addDataRoutes } from "./routes/data-routes.js";
import { replyWithError } from "./errors.js";
import { dataPrefix, keepKeyRaw } from "./key-path.js";
import { addListRoute } from "./routes/list-routes.js";
import { addPeerRoutes } from "./routes/peer-routes.js";
import { addNodeRoutes } from "./routes/node-routes.js";
import { sharedSchemas } from "./schemas/schemas.js";
import { addShardRoutes } from "./routes/shard-routes.js";
import { addStatusRoutes } from "./routes/status-routes.js";
import { traceRequests } from "./traced-requests.js";

/** Longest body of the gateway's other REST routes, such as an assignment of a shard. */
const adminBodyBytesMax = 1024 * 1024;

/**
 * Longest path segment that the router accepts; above the 16 KiB of Node's header limit, so that no key is cut
 * silently.
 */
const pathSegmentCharactersMax = 64 * 1024;

/** Resolves to an app that is served through the server of `serverFactory`; closing that server also closes the app. */
export async function createRestApp(
  services: GatewayServices,
  serverFactory: FastifyServerFactory,
  openRequests: OpenRequests,
): Promise<FastifyInstance> {
  const app = fastify({
    serverFactory,
    routerOptions: { maxParamLength: pathSegmentCharactersMax },
    rewriteUrl: ({ url }) => keepKeyRaw(url ?? "/"),
    genReqId: ({ headers }) => String(headers[requestIdHeader]),
    // Fields of bodies are not converted to other types; members that this version does not know are left to newer
    // ones.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false } },
    frameworkErrors: (_error, request, reply) => {
      const error = new ShardgateError("BAD_REQUEST", "The request's path is not percent-encoded UTF-8.");
      replyWithError(error, request, reply, services);
    },
    clientErrorHandler: (error, socket) => answerClientError(error, socket, openRequests),
  });
  // Schemas describe answers, they do not filter them.
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => replyWithError(error, request, reply, services));
  const routes: KnownRoute[] = [];
  app.addHook("onRoute", ({ method, url }) => void routes.push({ method, url }));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.replace(/\?.*$/s, "");
    const allowed = allowedMethods(routes, path);
    if (allowed.length === 0) throw new ShardgateError("NOT_FOUND", noPath(path));
    reply.header("allow", allowed.join(", "));
    throw new ShardgateError(
      "METHOD_NOT_ALLOWED",
      `${request.method} is not supported on this path; ${allowed.join(", ")} are.`,
    );
  });
  countRequests(app, services);
  if (services.tracer !== undefined) traceRequests(app, services.tracer);
  findCaller(app, services, openRequests);
  refuseCompressed(app);
  readJson(app, services, openRequests);
  await addRoutes(app, services, openRequests);
  await app.ready();
  return app;
}

/** A hint for clients that do not encode the slashes of a key, and so request paths that do not exist. */
function noPath(path: string): string {
  const key = path.startsWith(dataPrefix) ? path.slice(dataPrefix.length) : "";
  const hint = key.includes("/")
    ? ` A key is one path segment; write its slashes as %2F: ${shown(dataPrefix + key.replaceAll("/", "%2F"))}.`
    : "";
  return `There is no route ${shown(path)}.${hint}`;
}

function shown(path: string): string {
  return path.length > 256 ? `${path.slice(0, 256)}…` : path;
}

async function addRoutes(app: FastifyInstance, services: GatewayServices, openRequests: OpenRequests): Promise<void> {
  const { bounds } = services;
  for (const schema of sharedSchemas) app.addSchema(schema);
  await app.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "shardgate",
        version: "1",
        description:
          "Keys and values over many storage nodes. Every answer carries `x-request-id`, taken from the request or generated; " +
          "errors are RFC 9457 problems with a `code` from one closed list.",
      },
      tags: [
        { name: "data", description: "Keys and values." },
        { name: "cluster", description: "Shards and storage nodes." },
        { name: "status", description: "Health, metrics and this description." },
      ],
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, index) => String(json["$id"] ?? `schema-${index}`) },
  });
  await app.register(async (scope) => addDataRoutes(scope, bounds, openRequests));
  await app.register(async (scope) => {
    addListRoute(scope, bounds, openRequests);
    addShardRoutes(scope);
    addNodeRoutes(scope);
    addPeerRoutes(scope);
    addStatusRoutes(scope, services);
  });
}

function refuseCompressed(app: FastifyInstance): void {
  app.addHook("onRequest", async ({ headers }) => {
    if ((headers["content-encoding"] ?? "identity") === "identity") return;
    throw new ShardgateError("UNSUPPORTED_MEDIA_TYPE", "The body must be uncompressed.");
  });
}

/** Parses JSON bodies. An empty body counts as none, because many clients claim JSON on every request. */
function readJson(app: FastifyInstance, { bounds }: GatewayServices, openRequests: OpenRequests): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", async ({ raw, routeOptions }: FastifyRequest) => {
    const bytesMax = routeOptions.config.bodyBytesMax ?? adminBodyBytesMax;
    const body = (await readBody(openRequests.of(raw), bytesMax)).toString("utf8");
    return body === ""
      ? undefined
      : parseJsonBody(body, "The body", { bounds, distinctLevels: Number.POSITIVE_INFINITY });
  });
}

function countRequests(app: FastifyInstance, { metrics, log }: GatewayServices): void {
  app.addHook("onResponse", async (request, reply) => {
    const route = request.routeOptions.url ?? "unknown";
    const { method, id: requestId } = request;
    const { statusCode: status, elapsedTime: durationMs } = reply;
    metrics.requestAnswered({ route, method, status, durationMs });
    log.debug({ requestId, method, route, status, durationMs }, "A REST request was answered.");
  });
}
