/** Every field and every route, with every kind of caller. */
import { getNamedType, isObjectType, type GraphQLObjectType } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createExecutableSchema } from "../../../src/gateway/graphql/schema.js";
import { RecentTraffic } from "../../../src/gateway/pages/console/recent-traffic.js";
import { startGateway, type Gateway } from "../../../src/gateway/gateway-server.js";
import { startTestGateway, type TestGateway } from "../test-gateway.js";
import { testAccess } from "../access/callers.js";
import {
  allowed,
  furtherWays,
  objectFields,
  rootFields,
  routes,
  type FieldRow,
  type Kind,
  type RouteRow,
} from "./rules.js";

const schema = createExecutableSchema();
let behind: TestGateway;
let gateway: Gateway;

beforeAll(async () => {
  const access = testAccess();
  behind = await startTestGateway({ access });
  gateway = await startGateway({
    host: "127.0.0.1",
    port: 0,
    services: behind.services,
    isPlaygroundEnabled: false,
    traffic: new RecentTraffic(behind.clock),
  });
  await behind.register("node1");
  for (const key of ["a%2F1", "b%2F1"]) {
    const headers = { authorization: "Bearer admin" };
    expect((await fetch(`${gateway.url}/data/${key}`, { method: "PUT", body: '"secret"', headers })).ok).toBe(true);
  }
});
afterAll(async () => {
  await gateway.close();
  await behind.close();
});

const kinds: readonly Kind[] = ["readPrefix", "writePrefix", "readAll", "admin"];
const strangers: Readonly<Record<string, Record<string, string>>> = {
  none: {},
  wrong: { authorization: "Bearer wrong" },
  basic: { authorization: "Basic YWRtaW46YWRtaW4=" },
};

interface Result {
  readonly status: number;
  /** The first code in the answer; null if there is none. */
  readonly code: string | null;
  readonly text: string;
  readonly headers: Headers;
}

async function send(path: string, init: RequestInit): Promise<Result> {
  const answer = await fetch(gateway.url + path, init);
  const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") ?? false;
  const text = isStream ? "" : await answer.text();
  if (isStream) await answer.body?.cancel();
  const code = /"code":"([A-Z_]+)"/.exec(text)?.[1] ?? null;
  return { status: answer.status, code, text, headers: answer.headers };
}

const accepts = ["application/json", "application/graphql-response+json"] as const;

function ask(query: string, headers: Record<string, string>, accept: string): Promise<Result> {
  const body = JSON.stringify({ query });
  return send("/graphql", {
    method: "POST",
    body,
    headers: { ...headers, accept, "content-type": "application/json" },
  });
}

const as = (kind: string): Record<string, string> => ({ authorization: `Bearer ${kind}` });

const fieldRows: readonly (readonly [string, FieldRow])[] = [
  ...Object.entries(rootFields).flatMap(([name, rows]) => rows.map((row) => [name, row] as const)),
  ...Object.entries(objectFields).flatMap(([type, { around, fields }]) =>
    Object.entries(fields).map(
      ([field, rule]) => [`${type}.${field}`, { rule, ask: around(selected(type, field)) }] as const,
    ),
  ),
];

function fieldsOf(type: string): ReturnType<GraphQLObjectType["getFields"]> {
  return (schema.getType(type) as GraphQLObjectType).getFields();
}

function selected(type: string, field: string): string {
  const found = fieldsOf(type)[field];
  return found !== undefined && isObjectType(getNamedType(found.type)) ? `${field} { __typename }` : field;
}

describe("the table of permissions", () => {
  it("has every root field of the schema", () => {
    const real = ["Query", "Mutation"].flatMap((type) =>
      Object.keys(fieldsOf(type)).map((field) => `${type}.${field}`),
    );
    expect(Object.keys(rootFields).toSorted()).toEqual(real.toSorted());
  });

  it.each(Object.keys(objectFields))("has every field of %s", (type) => {
    expect(Object.keys(objectFields[type]?.fields ?? {}).toSorted()).toEqual(Object.keys(fieldsOf(type)).toSorted());
  });

  it("covers every path to shards, storage nodes and the cluster", () => {
    const types = Object.values(schema.getTypeMap()).filter(
      (type) => isObjectType(type) && !type.name.startsWith("__"),
    );
    const ways = types.flatMap(({ name }) =>
      Object.values(fieldsOf(name))
        .filter(({ type }) =>
          ["Shard", "StorageNode", "Cluster", "ShardAssignment", "AssignmentChange"].includes(getNamedType(type).name),
        )
        .map((field) => `${name}.${field.name}`),
    );
    const told = [
      ...Object.keys(rootFields),
      ...Object.keys(objectFields).flatMap((type) => Object.keys(fieldsOf(type)).map((field) => `${type}.${field}`)),
    ];
    expect(ways.filter((way) => !told.includes(way)).toSorted()).toEqual(furtherWays);
  });

  it("has every route of the REST API", async () => {
    const { paths } = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    const real = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(real.filter((route) => !(route in routes))).toEqual([]);
    expect(real.length).toBeGreaterThan(12);
  });
});

describe("a field", () => {
  it.each(fieldRows)("%s is allowed for those in the table: %o", async (_name, { rule, ask: query, code = null }) => {
    for (const accept of accepts) {
      for (const headers of Object.values(strangers)) {
        const answer = await ask(query, headers, accept);
        expect(answer).toMatchObject({ status: 401, code: "UNAUTHENTICATED" });
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
        expect(answer.headers.get("content-type")).toBe(`${accept}; charset=utf-8`);
        expect(Object.keys(JSON.parse(answer.text))).toEqual(["errors"]);
      }
      for (const kind of kinds) {
        const answer = await ask(query, as(kind), accept);
        expect([kind, answer.code]).toEqual([kind, allowed[rule].includes(kind) ? code : "FORBIDDEN"]);
        expect(answer.status).toBe(200);
      }
    }
  });
});

describe("a route", () => {
  const rows = Object.entries(routes).flatMap(([route, each]) => each.map((row) => [route, row] as const));

  it.each(rows)("%s is allowed for those in the table: %o", async (route, row: RouteRow) => {
    const { rule, path, body } = row;
    const code = row.code ?? null;
    const [method = ""] = route.split(" ");
    const type: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const init = (headers: Record<string, string>): RequestInit => ({
      method,
      headers: { ...type, ...headers },
      ...(body !== undefined && { body }),
    });
    for (const headers of Object.values(strangers)) {
      const answer = await send(path, init(headers));
      if (rule === "open") expect(answer).toMatchObject(path === "/" ? { code: null } : { status: 200, code: null });
      else {
        expect(answer.status).toBe(401);
        expect(answer.headers.get("www-authenticate")).toBe("Bearer");
        expect(answer.code).toBe(method === "HEAD" ? null : "UNAUTHENTICATED");
      }
    }
    for (const kind of kinds) {
      const answer = await send(path, init(as(kind)));
      const isAllowed = allowed[rule].includes(kind);
      if (method === "HEAD") expect([kind, answer.status]).toEqual([kind, isAllowed ? 200 : 403]);
      else expect([kind, answer.code]).toEqual([kind, isAllowed ? code : "FORBIDDEN"]);
    }
  });

  it("is allowed for storage nodes only if it concerns their membership", async () => {
    const node = as("node");
    const post = (path: string, body: object, headers = node) =>
      send(path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { ...headers, "content-type": "application/json" },
      });
    const store = { storeId: "store-node1", starts: ["node1"] };
    const registration = { id: "node1", url: "http://node1:8000", incarnation: "node1", ...store };
    expect((await post("/nodes", registration)).status).toBe(200);
    expect((await post("/nodes/node1/heartbeat", { incarnation: "node1" })).status).toBe(200);
    // A process of a storage node must authenticate; an administrator may register nodes only by hand.
    expect((await post("/nodes", registration, as("admin"))).code).toBe("FORBIDDEN");
    expect((await post("/nodes/node1/heartbeat", { incarnation: "node1" }, as("admin"))).code).toBe("FORBIDDEN");
    expect((await post("/nodes", { id: "node1", url: "http://node1:8000" })).code).toBe("FORBIDDEN");
    for (const [path, method] of [
      ["/shards", "GET"],
      ["/nodes/node1", "DELETE"],
      ["/data/a%2F1", "GET"],
      ["/metrics", "GET"],
    ] as const) {
      expect((await send(path, { method, headers: node })).code).toBe("FORBIDDEN");
    }
    expect((await ask('{ get(key: "a/1") { key } }', node, accepts[0])).code).toBe("FORBIDDEN");
  });

  it("is for gateways of the cluster when it is about the leader, and no other one is", async () => {
    const peer = as("peer");
    const ofPeers = Object.values(routes).flatMap((rows) => rows.filter(({ rule }) => rule === "peer"));
    const ask = (path: string, body: string, headers: Record<string, string>) =>
      send(path, { method: "POST", body, headers: { ...headers, "content-type": "application/json" } });
    for (const { path, body = "" } of ofPeers) {
      // A storage node that learned its own token is no gateway.
      expect([path, (await ask(path, body, as("node"))).code]).toEqual([path, "FORBIDDEN"]);
      if (path.endsWith("/remove")) continue;
      expect([path, (await ask(path, body, peer)).code]).not.toEqual([path, "FORBIDDEN"]);
    }
    for (const [path, method] of [
      ["/shards", "GET"],
      ["/gateways", "GET"],
      ["/nodes/node1", "DELETE"],
      ["/data/a%2F1", "GET"],
      ["/metrics", "GET"],
    ] as const) {
      expect((await send(path, { method, headers: peer })).code).toBe("FORBIDDEN");
    }
    const registration = { id: "node1", url: "http://node1:8000", incarnation: "node1" };
    expect((await ask("/nodes", JSON.stringify(registration), peer)).code).toBe("FORBIDDEN");
    expect((await ask("/nodes/node1/heartbeat", "{}", peer)).code).toBe("FORBIDDEN");
  });
});
