/**
 * The GraphQL handler on a real socket, with a real registry and membership, over the MemoryRouter. Every request that
 * only reads is sent a second time, to Yoga and GraphQL.js, and must get the same answer.
 */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { GraphQLSchema } from "graphql";
import { expect } from "vitest";
import { idSequence } from "../../../src/core/tasks/id-sequence.js";
import { openAccess } from "../../../src/gateway/access/access.js";
import { openRules } from "../../../src/gateway/graphql/documents/document-rules.js";
import { GraphqlHandler, type GraphqlOptions } from "../../../src/gateway/graphql/handler.js";
import { OpenRequests } from "../../../src/gateway/edge/open-requests.js";
import { securityHeaders } from "../../../src/gateway/problem-answer.js";
import { requestIdHeader } from "../../../src/wire/paths.js";
import { settleRequestId } from "../../../src/gateway/edge/request-id.js";
import type { PersistedDocuments } from "../../../src/gateway/graphql/request/persisted-documents.js";
import { ClusterLeader } from "../../../src/gateway/cluster/leader/cluster-leader.js";
import { Metrics } from "../../../src/gateway/metrics/gateway-metrics.js";
import type { GatewayServices } from "../../../src/gateway/services.js";
import { defaultBounds, type GatewayBounds } from "../../../src/core/bounds.js";
import { requestTimeoutMs } from "../../../src/core/limits.js";
import { Liveness } from "../../../src/registry/liveness.js";
import { MemoryStore } from "../../../src/registry/stores/memory-store.js";
import { Registry } from "../../../src/registry/registry.js";
import type { NodeClient } from "../../../src/routing/node-client/node-client.js";
import type { Router } from "../../../src/routing/router.js";
import type { HostedShard } from "../../../src/wire/membership.js";
import { FakeClock } from "../../support/fake-clock.js";
import { RecordLog } from "../../support/record-log.js";
import { idsInOrder } from "../cluster/fake-nodes.js";
import { commonSchema } from "../common-schema.js";
import { MemoryRouter } from "./memory-router.js";

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly data: Record<string, never>;
  readonly errors: readonly { message: string; path?: unknown[]; extensions: Record<string, unknown> }[];
}

export class GraphqlServer {
  readonly router = new MemoryRouter();
  readonly clock = new FakeClock();
  readonly log = new RecordLog();
  readonly metrics = new Metrics();
  /** The answers of storage nodes to the request for their shards, by name; null: no answer. */
  readonly figures = new Map<string, readonly HostedShard[] | null>();
  /** The nodes that were asked for their shards, in order. */
  readonly figureCalls: string[] = [];
  readonly membership: ClusterLeader;
  readonly #persistedDocuments: PersistedDocuments | null;
  readonly #handlers: readonly [GraphqlHandler, GraphqlHandler];
  readonly #server: Server;
  /** Serves the same data through Yoga and GraphQL.js alone, without an effect on what a test may inspect. */
  readonly #yogaServer: Server;

  static async start({
    shardCount = 4,
    persistedDocuments = null as PersistedDocuments | null,
    bounds = {} as Partial<GatewayBounds>,
    rules = openRules,
    schema = commonSchema,
  } = {}): Promise<GraphqlServer> {
    const clock = new FakeClock();
    const registry = await Registry.open({
      store: new MemoryStore(),
      clock,
      log: new RecordLog(),
      wanted: { shardCount, clusterName: "test" },
      newClusterId: () => "cluster-1",
      newLeaderId: () => "leader-1",
    });
    await registry.takeLead();
    const server = new GraphqlServer(registry, { persistedDocuments, schema, ...rules }, bounds);
    await Promise.all([listening(server.#server), listening(server.#yogaServer)]);
    return server;
  }

  private constructor(registry: Registry, options: GraphqlOptions, bounds: Partial<GatewayBounds>) {
    const { clock, log, metrics } = this;
    this.membership = new ClusterLeader({
      registry,
      liveness: new Liveness({ clock, suspectAfterMs: 3_000, downAfterMs: 10_000 }),
      pool: {
        client: (name: string) => this.#client(name),
        probeAt: () => Promise.resolve({ kind: "full", name: null, clusterId: null, isAcknowledged: false }),
        figures: () => ({ latencyMs: 1.5, breaker: "closed", queued: 0 }),
        prune: () => {},
        reachable: () => {},
      },
      newId: idsInOrder(),
      clock,
      log,
      nodesMin: 1,
      isAutoAssigning: true,
    });
    // The router's private fields make the MemoryRouter another type, although it behaves the same.
    const router = this.router as unknown as Router;
    const services = {
      router,
      membership: this.membership,
      access: openAccess(log),
      clock,
      log,
      metrics,
      bounds: { ...defaultBounds, ...bounds },
      requestTimeoutMs,
    };
    const unseen = {
      ...services,
      router: this.router.unseen() as unknown as Router,
      log: new RecordLog(),
      metrics: new Metrics(),
    };
    this.#persistedDocuments = options.persistedDocuments;
    this.#handlers = [
      new GraphqlHandler(services, options),
      new GraphqlHandler(unseen, { ...options, isOracle: true }),
    ];
    this.#server = serverOf(this.#handlers[0], services);
    this.#yogaServer = serverOf(this.#handlers[1], unseen);
  }

  get url(): string {
    return urlOf(this.#server);
  }

  replaceSchema(schema: GraphQLSchema): void {
    for (const handler of this.#handlers) handler.replaceSchema(schema);
  }

  /** Adds a storage node that is up. */
  async addNode(name: string, url = `http://127.0.0.1:4${name.length}00`): Promise<void> {
    const starts = [`${name}-1`];
    await this.membership.register({ id: name, url, incarnation: `${name}-1`, storeId: `store-${name}`, starts });
  }

  run(query: string, variables?: Readonly<Record<string, unknown>>): Promise<Answer> {
    return this.post(JSON.stringify({ query, variables }));
  }

  /** Runs the query with the variables as JSON text, which is sent unchanged. */
  runText(query: string, variablesText: string): Promise<Answer> {
    return this.post(`{"query":${JSON.stringify(query)},"variables":${variablesText}}`);
  }

  post(body: string | Uint8Array<ArrayBuffer>, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.fetch("", { method: "POST", body, headers: { "content-type": "application/json", ...headers } });
  }

  async fetch(search: string, options: RequestInit): Promise<Answer> {
    const response = await fetch(this.url + search, options);
    const text = await response.text();
    if (this.#isRead(search, options)) await this.#compareWithYoga(search, options, response, text);
    const { data, errors } = isJson(response) ? JSON.parse(text) : {};
    return { status: response.status, headers: response.headers, text, data, errors };
  }

  async close(): Promise<void> {
    await this.membership.stop();
    for (const server of [this.#server, this.#yogaServer]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /** Whether the request cannot change the result of a second one. */
  #isRead(search: string, { body }: RequestInit): boolean {
    const text = typeof body === "string" ? body : Buffer.from((body as Uint8Array | undefined) ?? []).toString();
    const documents = [...(this.#persistedDocuments?.texts.values() ?? [])];
    return ![decodeURIComponent(search), text, ...documents].some((part) => part.includes("mutation"));
  }

  async #compareWithYoga(search: string, options: RequestInit, { status, headers }: Response, text: string) {
    const calls = this.figureCalls.length;
    // Some answers contain the id of their request.
    const id = { "x-request-id": headers.get("x-request-id") ?? "" };
    const other = await fetch(urlOf(this.#yogaServer) + search, {
      ...options,
      headers: { ...headersOf(options), ...id },
    });
    const answer = { status, headers: comparableHeaders(headers), text };
    const yogaAnswer = { status: other.status, headers: comparableHeaders(other.headers), text: await other.text() };
    expect(answer).toEqual(yogaAnswer);
    this.figureCalls.length = calls;
  }

  #client(name: string): NodeClient {
    return {
      execute: () => Promise.reject(new Error("Nothing is executed past the router.")),
      probe: () => Promise.resolve({ kind: "full", name: null, clusterId: null, isAcknowledged: false }),
      shards: () => {
        this.figureCalls.push(name);
        const figures = this.figures.get(name);
        return figures === null ? Promise.reject(new Error("down")) : Promise.resolve(figures ?? []);
      },
      engine: () => Promise.resolve("memory"),
      assign: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }
}

function serverOf(handler: GraphqlHandler, services: GatewayServices): Server {
  const nextId = idSequence(services.clock.nowMs());
  const openRequests = new OpenRequests(services);
  return createServer((request, response) => {
    const open = openRequests.begin(request, response);
    open.headers.push(requestIdHeader, settleRequestId(request, nextId), ...securityHeaders.flat());
    void handler.answer(open);
  });
}

function listening(server: Server): Promise<void> {
  return new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`;
}

function headersOf({ headers }: RequestInit): Readonly<Record<string, string>> {
  return Object.fromEntries(new Headers(headers));
}

/** Without headers that differ between any two answers. */
function comparableHeaders(headers: Headers): Readonly<Record<string, string>> {
  const { date: _date, "x-request-id": _id, ...rest } = Object.fromEntries(headers);
  return rest;
}

function isJson(response: Response): boolean {
  return response.headers.get("content-type")?.includes("json") ?? false;
}
