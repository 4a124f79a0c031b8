import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { auditTo } from "../../../src/gateway/access/audit-log.js";
import { RecordLog } from "../../support/record-log.js";
import { rawRequest } from "../rest/raw-request.js";
import { startTestGateway, type TestGateway } from "../test-gateway.js";
import { testAccess, type TestAccess } from "./callers.js";

let access: TestAccess;
let gateway: TestGateway;

beforeEach(async () => {
  access = testAccess({ areNodesProven: false });
  gateway = await startTestGateway({ access });
  await gateway.register("node1", "node2");
});
afterEach(() => gateway.close());

const send = (kind: string, method: string, path: string, body?: object) =>
  rawRequest(gateway.url, path, {
    method,
    headers: { authorization: `Bearer ${kind}`, "x-request-id": `${kind}-1`, "content-type": "application/json" },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
const mutate = (kind: string, field: string) =>
  send(kind, "POST", "/graphql", { query: `mutation { ${field} { __typename } }` });
const url = "http://node3:8000";

describe("the audit log", () => {
  it("has a line for an assignment, with the state before and after", async () => {
    const by = { by: "admin", requestId: "admin-1", action: "assign" };
    const asked = { shard: 0, node: "node2", isForced: false };
    await mutate("admin", 'assignShard(input: { shard: 0, storageNode: "node2" })');
    await send("admin", "POST", "/shards/assign", { shardId: 0, nodeId: "node1" });
    const [first, second] = access.records;
    expect(first).toEqual({
      ...by,
      asked,
      before: { node: "node1", epoch: 1, lineage: 0 },
      after: { node: "node2", epoch: 2, lineage: 0 },
      outcome: "DONE",
    });
    expect(second).toMatchObject({ ...by, before: { node: "node2", epoch: 2 }, after: { node: "node1", epoch: 3 } });
    expect(access.records).toHaveLength(2);
  });

  it("has a line for a registration by hand and for a removal", async () => {
    await mutate("admin", `registerStorageNode(input: { name: "node3", url: "${url}" })`);
    await send("admin", "DELETE", "/nodes/node3?force=true");
    expect(access.records).toMatchObject([
      { action: "register", asked: { node: "node3", host: "node3:8000" }, before: null, after: { url, shards: [] } },
      { action: "remove", asked: { node: "node3", isForced: true }, before: { url, shards: [] }, after: null },
    ]);
  });

  it("has a line for an accepted loss, and for an attempt to accept one at an unknown node", async () => {
    await send("node", "POST", "/nodes", { id: "node1", url: "http://node1:8000", incarnation: "2", storeId: "new" });
    await send("admin", "POST", "/nodes/node1/accept-loss");
    await mutate("admin", 'acceptStorageNodeLoss(input: { name: "node2" })');
    await send("readAll", "POST", "/nodes/node1/accept-loss");
    expect(access.records).toMatchObject([
      {
        by: "admin",
        action: "acceptLoss",
        asked: { node: "node1" },
        outcome: "DONE",
        before: { storeId: "store-node1", shards: [0, 1, 2, 3] },
        after: { storeId: "store-node1", shards: [0, 1, 2, 3] },
      },
      { by: "admin", action: "acceptLoss", asked: { node: "node2" }, outcome: "BAD_REQUEST" },
      { by: "readAll", action: "acceptLoss", outcome: "FORBIDDEN" },
    ]);
  });

  it("has a line for draining a storage node, for undoing that, and for an attempt without permission", async () => {
    Object.assign(gateway.services.membership, { drain: async () => [] });
    await mutate("admin", 'drainStorageNode(input: { name: "node1" })');
    await send("admin", "DELETE", "/nodes/node1/drain");
    await send("readAll", "POST", "/nodes/node1/drain");
    const before = { isDraining: false, shards: [0, 1, 2, 3] };
    expect(access.records).toMatchObject([
      { by: "admin", action: "drain", asked: { node: "node1", isUndone: false }, before, outcome: "DONE" },
      { by: "admin", action: "drain", asked: { node: "node1", isUndone: true }, outcome: "DONE" },
      { by: "readAll", action: "drain", asked: { node: "node1", isUndone: false }, outcome: "FORBIDDEN" },
    ]);
  });

  it("has a line for a refused change, with its caller", async () => {
    await mutate("readAll", 'assignShard(input: { shard: 1, storageNode: "node2" })');
    await send("writePrefix", "POST", "/nodes", { id: "node3", url });
    await send("readPrefix", "DELETE", "/nodes/node1");
    await send("admin", "DELETE", "/nodes/nobody");
    await send("admin", "POST", "/nodes", { id: "node3", url: "http://me:secret@node3:8000" });
    const lines = access.records.map(({ by, action, outcome }) => `${by} ${action} ${outcome}`);
    expect(lines).toEqual([
      "readAll assign FORBIDDEN",
      "writePrefix register FORBIDDEN",
      "readPrefix remove FORBIDDEN",
      "admin remove NODE_NOT_FOUND",
      "admin register BAD_REQUEST",
    ]);
    expect(access.records[0]?.before).toEqual(access.records[0]?.after);
    expect(JSON.stringify(access.records)).not.toContain("secret");
  });

  it("has a line for each attempt without permission, which reveals nothing of the cluster", async () => {
    const shard = await mutate("readPrefix", 'assignShard(input: { shard: 999, storageNode: "node2" })');
    expect(shard.json()).toMatchObject({ errors: [{ extensions: { code: "FORBIDDEN" } }] });
    const name = await mutate("readPrefix", `assignShard(input: { shard: 0, storageNode: "${"n".repeat(100)}" })`);
    expect(name.json()).toMatchObject({ errors: [{ extensions: { code: "FORBIDDEN" } }] });
    expect((await send("readPrefix", "DELETE", "/nodes/-")).json()["code"]).toBe("FORBIDDEN");
    expect((await send("admin", "DELETE", "/nodes/-")).json()["code"]).toBe("BAD_REQUEST");
    expect(access.records).toMatchObject([
      { by: "readPrefix", asked: { shard: 999, node: "node2" }, before: null, after: null, outcome: "FORBIDDEN" },
      { by: "readPrefix", asked: { shard: 0, node: "n".repeat(64) }, outcome: "FORBIDDEN" },
      { by: "readPrefix", action: "remove", asked: { node: "-" }, outcome: "FORBIDDEN" },
      { by: "admin", action: "remove", outcome: "BAD_REQUEST" },
    ]);
  });

  it("has a line for an administrator who registers a process of a storage node, and for refused attempts to", async () => {
    for (const kind of ["admin", "readAll"])
      await send(kind, "POST", "/nodes", { id: "node3", url, incarnation: "new" });
    expect(access.records).toMatchObject([
      { by: "admin", action: "register", before: null, after: { url }, outcome: "DONE" },
      { by: "readAll", action: "register", outcome: "FORBIDDEN" },
    ]);
  });

  it("has a line for a change that failed unexpectedly", async () => {
    const { membership } = gateway.services;
    Object.assign(membership, { remove: () => Promise.reject(new Error("a bug")) });
    expect((await send("admin", "DELETE", "/nodes/node1")).status).toBe(500);
    expect(access.records).toMatchObject([{ action: "remove", outcome: "INTERNAL_SERVER_ERROR" }]);
  });

  it("has no line for storage nodes that register by themselves, and for reads", async () => {
    const store = { storeId: "store-node1", starts: ["node1"] };
    const registration = { id: "node1", url: "http://node1:8000", incarnation: "node1", ...store };
    expect((await send("node", "POST", "/nodes", registration)).status).toBe(200);
    await send("node", "POST", "/nodes/node1/heartbeat", { incarnation: "node1" });
    await send("admin", "GET", "/nodes");
    expect(access.records).toEqual([]);
  });

  it("marks its lines in a log that has others", () => {
    const log = new RecordLog();
    const record = { action: "remove", by: "ada", requestId: "1", asked: {}, before: null, after: null } as const;
    auditTo(log)({ ...record, outcome: "DONE" });
    expect(log.lines).toEqual([
      { level: "info", facts: { audit: true, ...record, outcome: "DONE" }, message: "Cluster change attempted." },
    ]);
  });
});
