/**
 * The table of permissions for every field and route, which test/gateway/guard/rules.test.ts checks. A field or route
 * that is missing here fails the test, so that nothing new is open by oversight.
 */

/** What a kind of question asks of its caller; `own` is below `a/`. */
export type Rule =
  | "open"
  | "known"
  | "readOwn"
  | "readForeign"
  | "writeOwn"
  | "writeForeign"
  | "cluster"
  | "admin"
  /** For gateways of the cluster, which are none of the callers. */
  | "peer";

const kinds = ["readPrefix", "writePrefix", "readAll", "admin"] as const;
export type Kind = (typeof kinds)[number];

/** The callers that each rule allows. All others get FORBIDDEN. */
export const allowed: Readonly<Record<Rule, readonly Kind[]>> = {
  open: kinds,
  known: kinds,
  readOwn: kinds,
  readForeign: ["readAll", "admin"],
  writeOwn: ["writePrefix", "admin"],
  writeForeign: ["admin"],
  cluster: ["readAll", "admin"],
  admin: ["admin"],
  peer: [],
};

export interface FieldRow {
  readonly rule: Rule;
  /** A document; for a field of an object, the selection of that field. */
  readonly ask: string;
  /** The code that allowed callers get; without it they get a result. */
  readonly code?: string;
}

const id = (type: string, local: string): string => Buffer.from(`${type}:${local}`).toString("base64url");
const problem = "__typename ... on Problem { code }";

/** The caller's own key first, then another one. */
const read = (ask: (key: string) => string): readonly FieldRow[] => [
  { rule: "readOwn", ask: ask("a/1") },
  { rule: "readForeign", ask: ask("b/1") },
];
const write = (ask: (key: string) => string, code?: string): readonly FieldRow[] => [
  { rule: "writeOwn", ask: `mutation { ${ask("a/1")} }`, ...(code !== undefined && { code }) },
  { rule: "writeForeign", ask: `mutation { ${ask("b/1")} }`, ...(code !== undefined && { code }) },
];
const cluster = (ask: string): readonly FieldRow[] => [{ rule: "cluster", ask }];
const admin = (ask: string, code?: string): readonly FieldRow[] => [
  { rule: "admin", ask: `mutation { ${ask} }`, ...(code !== undefined && { code }) },
];

export const rootFields: Readonly<Record<string, readonly FieldRow[]>> = {
  "Query.node": [
    ...read((key) => `{ node(id: "${id("Entry", key)}") { id } }`),
    ...cluster(`{ node(id: "${id("Shard", "0")}") { id } }`),
    ...cluster(`{ node(id: "${id("Shard", "99")}") { id } }`),
    ...cluster(`{ node(id: "${id("StorageNode", "node1")}") { id } }`),
    ...cluster(`{ node(id: "${id("StorageNode", "node99")}") { id } }`),
    ...cluster(`{ node(id: "${id("Cluster", "c1")}") { id } }`),
  ],
  "Query.nodes": [
    ...read((key) => `{ nodes(ids: ["${id("Entry", key)}"]) { id } }`),
    ...cluster(`{ nodes(ids: ["${id("Entry", "a/1")}", "${id("Shard", "0")}"]) { id } }`),
  ],
  "Query.get": read((key) => `{ get(key: "${key}") { key } }`),
  "Query.entries": read((key) => `{ entries(keys: ["${key}"]) { ${problem} } }`),
  "Query.scan": [
    { rule: "readOwn", ask: '{ scan(prefix: "a/") { edges { cursor } } }' },
    { rule: "readOwn", ask: '{ scan(prefix: "a/1", last: 1) { edges { cursor } pageInfo { hasPreviousPage } } }' },
    { rule: "readForeign", ask: '{ scan(prefix: "b/") { edges { cursor } } }' },
    { rule: "readForeign", ask: '{ scan(prefix: "a") { edges { cursor } } }' },
    { rule: "readForeign", ask: "{ scan { edges { cursor } } }" },
  ],
  "Query.shardForKey": read((key) => `{ shardForKey(key: "${key}") { number } }`),
  "Query.shard": cluster("{ shard(number: 0) { number } }"),
  "Query.shards": cluster("{ shards { number } }"),
  "Query.storageNode": [
    ...cluster('{ storageNode(name: "node1") { name } }'),
    ...cluster('{ storageNode(name: "x") { name } }'),
  ],
  "Query.storageNodes": cluster("{ storageNodes { name } }"),
  "Query.cluster": cluster("{ cluster { name } }"),
  "Mutation.get": read((key) => `mutation { get(key: "${key}") { key } }`),
  "Mutation.put": [
    ...write((key) => `put(key: "${key}", value: 1) { ${problem} }`),
    ...write((key) => `put(key: "${key}", value: 1, condition: { ifAbsent: true }) { ${problem} }`, "VERSION_CONFLICT"),
  ],
  "Mutation.putMany": write((key) => `putMany(items: [{ key: "${key}", value: 1 }]) { ${problem} }`),
  "Mutation.delete": [
    ...write((key) => `delete(key: "${key}/none") { ${problem} }`, "KEY_NOT_FOUND"),
    ...write((key) => `delete(key: "${key}", condition: { ifVersion: "999999" }) { ${problem} }`, "VERSION_CONFLICT"),
  ],
  "Mutation.deleteMany": write((key) => `deleteMany(items: [{ key: "${key}/none" }]) { ${problem} }`, "KEY_NOT_FOUND"),
  "Mutation.assignShard": admin('assignShard(input: { shard: 0, storageNode: "node1" }) { shard { number } }'),
  "Mutation.registerStorageNode": admin(
    'registerStorageNode(input: { name: "node1", url: "http://node1:8000" }) { storageNode { name } }',
  ),
  "Mutation.acceptStorageNodeLoss": admin(
    'acceptStorageNodeLoss(input: { name: "node1" }) { storageNode { name } }',
    "BAD_REQUEST",
  ),
  "Mutation.drainStorageNode": admin(
    'drainStorageNode(input: { name: "nobody" }) { storageNode { name } }',
    "NODE_NOT_FOUND",
  ),
  "Mutation.removeStorageNode": admin('removeStorageNode(input: { name: "nobody" }) { removedId }', "NODE_NOT_FOUND"),
};

/**
 * By type: the query around a field of it, and the rule of each field. Fields of an entry are for callers who may read
 * it.
 */
export const objectFields: Readonly<
  Record<string, { readonly around: (field: string) => string; readonly fields: Readonly<Record<string, Rule>> }>
> = {
  Entry: {
    around: (field) => `{ get(key: "a/1") { ${field} } }`,
    fields: {
      id: "readOwn",
      key: "readOwn",
      value: "readOwn",
      valueText: "readOwn",
      version: "readOwn",
      createdAt: "readOwn",
      updatedAt: "readOwn",
      expiresAt: "readOwn",
      sizeBytes: "readOwn",
      shard: "readOwn",
    },
  },
  Shard: {
    around: (field) => `{ get(key: "a/1") { shard { ${field} } } }`,
    fields: {
      id: "readOwn",
      number: "readOwn",
      state: "readOwn",
      epoch: "readOwn",
      lineage: "readOwn",
      primary: "cluster",
      replicas: "cluster",
      assignments: "cluster",
      keyCount: "cluster",
      sizeBytes: "cluster",
      history: "cluster",
    },
  },
  StorageNode: {
    around: (field) => `{ storageNode(name: "node1") { ${field} } }`,
    fields: {
      id: "cluster",
      name: "cluster",
      url: "cluster",
      state: "cluster",
      shards: "cluster",
      lastSeenAt: "cluster",
      latencyMs: "cluster",
      problem: "cluster",
      staleShards: "cluster",
      isStoreShared: "cluster",
      isDraining: "cluster",
    },
  },
  Gateway: {
    around: (field) => `{ cluster { gateways { ${field} } } }`,
    fields: {
      name: "cluster",
      url: "cluster",
      isLeader: "cluster",
      mapVersion: "cluster",
      lastSeenAt: "cluster",
    },
  },
  Cluster: {
    around: (field) => `{ cluster { ${field} } }`,
    fields: {
      id: "cluster",
      name: "cluster",
      mapVersion: "cluster",
      shardCount: "cluster",
      shards: "cluster",
      storageNodes: "cluster",
      gateways: "cluster",
      isHealthy: "cluster",
    },
  },
};

/** All other fields that lead to a shard, a storage node or the cluster: each is queried somewhere above or below. */
export const furtherWays: readonly string[] = [
  "AcceptStorageNodeLossPayload.storageNode",
  "AssignShardPayload.shard",
  "DrainStorageNodePayload.storageNode",
  "EntryConnection.unavailableShards",
  "OutcomeUnknown.shard",
  "RegisterStorageNodePayload.storageNode",
  "RemoveStorageNodePayload.unassignedShards",
  "ShardAssignment.shard",
  "ShardAssignment.storageNode",
  "ShardUnavailable.shard",
];

export interface RouteRow {
  readonly rule: Rule;
  readonly path: string;
  readonly body?: string;
  readonly code?: string;
}

const json = (body: object): string => JSON.stringify(body);

/** By method and path as in `/openapi.json`, and the paths that are served beside the REST API. */
export const routes: Readonly<Record<string, readonly RouteRow[]>> = {
  "GET /data/{key}": [
    { rule: "readOwn", path: "/data/a%2F1" },
    { rule: "readForeign", path: "/data/b%2F1" },
    { rule: "readForeign", path: "/data/b%2Fnone", code: "KEY_NOT_FOUND" },
  ],
  "GET /data": [
    { rule: "readOwn", path: "/data?prefix=a%2F" },
    { rule: "readOwn", path: "/data?prefix=a%2F1&limit=1" },
    { rule: "readForeign", path: "/data?prefix=b%2F" },
    { rule: "readForeign", path: "/data?prefix=a" },
    { rule: "readForeign", path: "/data" },
  ],
  "HEAD /data/{key}": [
    { rule: "readOwn", path: "/data/a%2F1" },
    { rule: "readForeign", path: "/data/b%2F1" },
  ],
  "PUT /data/{key}": [
    { rule: "writeOwn", path: "/data/a%2F1", body: "1" },
    { rule: "writeForeign", path: "/data/b%2F1", body: "1" },
  ],
  "DELETE /data/{key}": [
    { rule: "writeOwn", path: "/data/a%2Fnone", code: "KEY_NOT_FOUND" },
    { rule: "writeForeign", path: "/data/b%2Fnone", code: "KEY_NOT_FOUND" },
  ],
  "GET /shards": [{ rule: "cluster", path: "/shards" }],
  "POST /shards/assign": [{ rule: "admin", path: "/shards/assign", body: json({ shardId: 0, nodeId: "node1" }) }],
  "GET /nodes": [{ rule: "cluster", path: "/nodes" }],
  "POST /nodes": [{ rule: "admin", path: "/nodes", body: json({ id: "node1", url: "http://node1:8000" }) }],
  "DELETE /nodes/{id}": [{ rule: "admin", path: "/nodes/nobody", code: "NODE_NOT_FOUND" }],
  "POST /nodes/{id}/accept-loss": [{ rule: "admin", path: "/nodes/nobody/accept-loss", code: "NODE_NOT_FOUND" }],
  "POST /nodes/{id}/drain": [{ rule: "admin", path: "/nodes/nobody/drain", code: "NODE_NOT_FOUND" }],
  "DELETE /nodes/{id}/drain": [{ rule: "admin", path: "/nodes/nobody/drain", code: "NODE_NOT_FOUND" }],
  "POST /nodes/{id}/heartbeat": [{ rule: "admin", path: "/nodes/node1/heartbeat", body: "{}", code: "NODE_NOT_FOUND" }],
  "GET /gateways": [{ rule: "cluster", path: "/gateways" }],
  "HEAD /gateways": [{ rule: "cluster", path: "/gateways" }],
  "POST /gateways/{name}/beat": [
    {
      rule: "peer",
      path: "/gateways/g2/beat",
      body: json({ url: null, mapVersion: 1, leaderId: "l1", seen: [], refused: [] }),
    },
  ],
  "POST /gateways/leader/register": [
    { rule: "peer", path: "/gateways/leader/register", body: json({ id: "node1", url: "http://node1:8000" }) },
  ],
  "POST /gateways/leader/heartbeat": [
    { rule: "peer", path: "/gateways/leader/heartbeat", body: json({ name: "node1", heartbeat: {} }) },
  ],
  "POST /gateways/leader/remove": [
    { rule: "peer", path: "/gateways/leader/remove", body: json({ name: "node1", isForced: true }) },
  ],
  "POST /gateways/leader/assign": [
    {
      rule: "peer",
      path: "/gateways/leader/assign",
      body: json({ shard: 0, node: "node1", isPrimary: true, ifEpoch: null, isForced: true }),
    },
  ],
  "POST /gateways/leader/acceptLoss": [
    { rule: "peer", path: "/gateways/leader/acceptLoss", body: json({ name: "node1" }) },
  ],
  "POST /gateways/leader/drain": [
    { rule: "peer", path: "/gateways/leader/drain", body: json({ name: "node1", isUndone: true }) },
  ],
  "POST /gateways/leader/histories": [
    { rule: "peer", path: "/gateways/leader/histories", body: json({ shards: [0] }) },
  ],
  "POST /gateways/leader/refresh": [{ rule: "peer", path: "/gateways/leader/refresh", body: json({ node: "node1" }) }],
  "GET /health": [{ rule: "open", path: "/health" }],
  "GET /ready": [{ rule: "open", path: "/ready" }],
  "GET /metrics": [{ rule: "cluster", path: "/metrics" }],
  "GET /openapi.json": [{ rule: "open", path: "/openapi.json" }],
  "GET /": [{ rule: "open", path: "/" }],
  "GET /console/events": [{ rule: "cluster", path: "/console/events" }],
  "HEAD /shards": [{ rule: "cluster", path: "/shards" }],
  "HEAD /nodes": [{ rule: "cluster", path: "/nodes" }],
  "HEAD /metrics": [{ rule: "cluster", path: "/metrics" }],
  "GET /graphql": [{ rule: "known", path: "/graphql?query={__typename}" }],
  "PATCH /nowhere": [{ rule: "known", path: "/nowhere", code: "NOT_FOUND" }],
  "PUT /shards": [{ rule: "known", path: "/shards", code: "METHOD_NOT_ALLOWED" }],
};
