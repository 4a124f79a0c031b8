import { describe, expect, it, onTestFinished, vi } from "vitest";
import { valueBytesMax } from "../../../src/core/limits.js";
import { FakeGateway } from "../membership/fake-gateway.js";
import { call, type Answer } from "../raw-http.js";
import { assignments } from "../operations.js";
import { runNode } from "../running-node.js";

const path = "/shard/2/store/user123";

describe("PUT, GET and DELETE of an entry", () => {
  it("create, replace, read and delete the entry", async () => {
    const { send, putValue, clock } = await runNode();
    const created = await putValue(path, '{"name": "Ada",\n "n":1.10}');
    expect([created.status, created.text, created.headers.etag]).toEqual([201, "", '"1"']);
    expect(created.headers["last-modified"]).toBe("Sat, 31 Jan 2026 12:00:00 GMT");
    await clock.advance(1500);
    const replaced = await putValue(path, '{"name": "Ada",\n "n":1.20}');
    expect([replaced.status, replaced.headers.etag]).toEqual([200, '"2"']);
    const read = await send(path);
    expect([read.status, read.text]).toEqual([200, '{"name": "Ada",\n "n":1.20}']);
    expect(read.headers).toMatchObject({
      etag: '"2"',
      "last-modified": "Sat, 31 Jan 2026 12:00:01 GMT",
      "x-created-at": "2026-01-31T12:00:00.000Z",
    });
    expect(read.headers["content-type"]).toMatch(/^application\/json/);
    expect(read.headers["x-expires-at"]).toBeUndefined();
    const deleted = await send(path, { method: "DELETE" });
    expect([deleted.status, deleted.text]).toEqual([204, ""]);
    expect((await send(path)).status).toBe(404);
    expect((await send(path, { method: "DELETE" })).json()).toEqual({
      title: "Key not found",
      status: 404,
      detail: 'Key "user123" is not in shard 2.',
      code: "KEY_NOT_FOUND",
      isRetryable: false,
      advice: "Check the key; keys are compared byte by byte.",
      shard: 2,
    });
  });

  it("answer HEAD like GET without the body", async () => {
    const { send, putValue } = await runNode();
    await putValue(path, '"äö"');
    const head = await send(path, { method: "HEAD" });
    expect([head.status, head.text, head.headers.etag, head.headers["content-length"]]).toEqual([200, "", '"1"', "6"]);
    expect((await send("/shard/2/store/none", { method: "HEAD" })).status).toBe(404);
  });

  it("answer 304 to a reader that has the current version", async () => {
    const { send, putValue } = await runNode();
    await putValue(path, "1");
    const same = await send(path, { headers: { "if-none-match": '"1"' } });
    expect([same.status, same.text, same.headers.etag]).toEqual([304, "", '"1"']);
    expect((await send(path, { headers: { "if-none-match": '"2"' } })).status).toBe(200);
  });

  it.each([
    "text/plain",
    "application/json",
    "application/x-www-form-urlencoded",
    "nonsense",
    "multipart/form-data",
    "",
  ])("accept a body of content type %j", async (contentType) => {
    const { send, putValue } = await runNode();
    expect((await putValue(path, "[1]", { "content-type": contentType })).status).toBe(201);
    expect((await send(path)).text).toBe("[1]");
  });

  it.each([
    "null",
    "0",
    "1e400",
    "12345678901234567890.10",
    '"__proto__"',
    '{"__proto__":1,"toJSON":2}',
    " [ ] ",
    '"\\u0000"',
  ])("return the value %j as it was written", async (value) => {
    const { send, putValue } = await runNode();
    expect((await putValue(path, value)).status).toBe(201);
    expect((await send(path)).text).toBe(value);
  });

  it("refuse a body that is not JSON, not UTF-8, or empty", async () => {
    const { putValue, engine } = await runNode();
    for (const body of ["", "{", "{'a':1}", '{"a":1,"a":2}', Buffer.from([0x22, 0xff, 0x22]), "\ufeff1"]) {
      const answer = await putValue(path, body);
      expect([answer.status, answer.json()["code"]]).toEqual([422, "INVALID_VALUE"]);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
    }
    expect(engine.writes).toEqual([]);
  });

  it("accept a value of maximum length, and refuse a longer one while it arrives", async () => {
    const { send, putValue } = await runNode();
    const largest = `"${"x".repeat(valueBytesMax - 2)}"`;
    expect((await putValue(path, largest)).status).toBe(201);
    expect((await send(path)).text).toBe(largest);
    for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
      const answer = await putValue(path, ` ${largest}`, headers);
      expect([answer.status, answer.json()["code"]]).toEqual([413, "BODY_TOO_LARGE"]);
    }
  });
});

describe("keys in paths", () => {
  it("treats a/b and a%2Fb as two keys", async () => {
    const { send, putValue } = await runNode();
    await putValue("/shard/2/store/a%2Fb", '"slash"');
    await putValue("/shard/2/store/a%252Fb", '"percent"');
    expect((await send("/shard/2/store/a%2fb")).text).toBe('"slash"');
    expect((await send("/shard/2/store/a%252Fb")).text).toBe('"percent"');
    expect((await send("/shard/2/store")).json()["entries"]).toMatchObject([{ key: "a%2Fb" }, { key: "a/b" }]);
  });

  it.each([
    ["%3F%23%26%2B%3B%3D%40%25", "?#&+;=@%"],
    ["a;b+c,d:e@f$g!h*i'j(k)", "a;b+c,d:e@f$g!h*i'j(k)"],
    ["%C3%A9", "é"],
    ["e%CC%81", "e\u0301"],
    ["%F0%9F%98%80", "😀"],
    ["%2525", "%25"],
    ["%20", " "],
    ["...", "..."],
    ["constructor", "constructor"],
  ])("decodes %s once", async (segment, key) => {
    const { send, putValue } = await runNode();
    expect((await putValue(`/shard/2/store/${segment}?x=/y`, "1")).status).toBe(201);
    expect((await send(`/shard/2/store/${segment}`)).text).toBe("1");
    expect((await send("/shard/2/store")).json()["entries"]).toMatchObject([{ key }]);
  });

  it("accepts keys of 1024 bytes, all percent-encoded, and refuses longer ones", async () => {
    const { send, putValue } = await runNode();
    const longest = `/shard/2/store/${"%C3%A9".repeat(512)}`;
    expect((await putValue(longest, "1")).status).toBe(201);
    expect((await send(longest)).status).toBe(200);
    for (const segment of ["%C3%A9".repeat(513), "x".repeat(1025), "%2F".repeat(2000)]) {
      expect((await putValue(`/shard/2/store/${segment}`, "1")).json()["code"]).toBe("INVALID_KEY");
    }
  });

  it.each(["%zz", "%", "%ff", "%C3", "%ED%A0%80", "%2e%2e", "%2E", ".", "..", "", "%00", "%0A", "a%7Fb"])(
    "refuses the segment %j",
    async (segment) => {
      const { send, engine } = await runNode();
      const answer = await send(`/shard/2/store/${segment}`);
      expect([answer.status, answer.json()["code"]]).toEqual([400, "INVALID_KEY"]);
      expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
      expect(engine.reads).toEqual([]);
    },
  );

  it("answers 404 for a path that continues after the key", async () => {
    const { send } = await runNode();
    for (const target of ["/shard/2/store/a/b", "/shard/2/store/a/", "/shard/2/store/../x"]) {
      const answer = await send(target);
      expect([answer.status, answer.json()["code"]]).toEqual([404, "NOT_FOUND"]);
    }
  });

  it("reads the key of a target in absolute form", async () => {
    const { send, putValue, node } = await runNode();
    await putValue("/shard/2/store/a%2Fb", "7");
    expect((await send(`${node.url}/shard/2/store/a%2Fb?x=1`)).text).toBe("7");
  });

  it.each(["-1", "02", "x", "16384", "1.0", "%32%33x"])("refuses the shard %j", async (shard) => {
    const { send } = await runNode();
    const answer = await send(`/shard/${shard}/store/a`);
    expect([answer.status, answer.json()["code"]]).toEqual([404, "SHARD_NOT_FOUND"]);
  });
});

describe("conditions and expiry", () => {
  it("allow a write only on the version that they name", async () => {
    const { send, putValue } = await runNode();
    await putValue(path, "1");
    expect((await putValue(path, "2", { "if-match": '"1"' })).status).toBe(200);
    const conflict = await putValue(path, "3", { "if-match": '"1"' });
    expect(conflict.status).toBe(412);
    expect(conflict.json()).toMatchObject({
      code: "VERSION_CONFLICT",
      version: "2",
      shard: 2,
      detail: 'The condition does not hold: key "user123" in shard 2 has version 2.',
    });
    expect((await send(path, { method: "DELETE", headers: { "if-match": '"1"' } })).status).toBe(412);
    expect((await send(path, { method: "DELETE", headers: { "if-match": '"2"' } })).status).toBe(204);
  });

  it("allow a write only on an existing entry, or only on a missing one", async () => {
    const { putValue } = await runNode();
    const missing = await putValue(path, "1", { "if-match": "*" });
    expect([missing.status, missing.json()["version"]]).toEqual([412, null]);
    expect(missing.json()["detail"]).toContain("does not exist");
    expect((await putValue(path, "1", { "if-none-match": "*" })).status).toBe(201);
    expect((await putValue(path, "2", { "if-none-match": "*" })).status).toBe(412);
    expect((await putValue(path, "2", { "if-match": "*" })).status).toBe(200);
  });

  it.each([
    { "if-match": '"1", "2"' },
    { "if-match": "1" },
    { "if-match": "" },
    { "if-none-match": '"1"' },
    { "if-match": "*", "if-none-match": "*" },
  ])("refuse %j of a write", async (headers) => {
    const { putValue, engine } = await runNode();
    const answer = await putValue(path, "1", headers);
    expect([answer.status, answer.json()["code"]]).toEqual([400, "BAD_REQUEST"]);
    expect(engine.writes).toEqual([]);
  });

  it("make an entry expire at its moment", async () => {
    const { send, putValue, clock } = await runNode();
    const created = await putValue(`${path}?ttl=60`, "1");
    expect(created.headers["x-expires-at"]).toBe("2026-01-31T12:01:00.000Z");
    await clock.advance(59_999);
    expect((await send(path)).headers["x-expires-at"]).toBe("2026-01-31T12:01:00.000Z");
    await clock.advance(1);
    expect((await send(path)).status).toBe(404);
  });

  it.each(["ttl=0", "ttl=-1", "ttl=1.5", "ttl=", "ttl=x", "ttl=1&ttl=2", "ttl=99999999999999999999"])(
    "refuse ?%s",
    async (query) => {
      const { putValue, engine } = await runNode();
      const answer = await putValue(`${path}?${query}`, "1");
      expect([answer.status, answer.json()["code"]]).toEqual([400, "BAD_REQUEST"]);
      expect(engine.writes).toEqual([]);
    },
  );
});

describe("Shard-Epoch", () => {
  it("refuses requests of another epoch", async () => {
    const { send, putValue } = await runNode();
    expect((await assignShard2(send)).status).toBe(204);
    expect((await putValue(path, "1", { "shard-epoch": "5" })).status).toBe(201);
    const stale = await putValue(path, "2", { "shard-epoch": "4" });
    expect(stale.status).toBe(409);
    expect(stale.json()).toMatchObject({ code: "STALE_EPOCH", epoch: 5, shard: 2 });
    expect((await send("/shard/2/store", { headers: { "shard-epoch": "4" } })).status).toBe(409);
    const early = await send(path, { headers: { "shard-epoch": "6" } });
    expect([early.status, early.json()["code"]]).toEqual([421, "SHARD_NOT_HOSTED"]);
    expect((await send(path, { method: "DELETE", headers: { "shard-epoch": "4" } })).status).toBe(409);
    expect((await send(path)).text).toBe("1");
  });

  it("finds nothing at a node that has not claimed the shard", async () => {
    const { send, putValue } = await runNode();
    for (const answer of [
      await send(path, { headers: { "shard-epoch": "4" } }),
      await putValue(path, "1", { "shard-epoch": "4" }),
    ]) {
      expect([answer.status, answer.json()["code"]]).toEqual([421, "SHARD_NOT_HOSTED"]);
    }
  });

  it("is optional for a hosted shard, and does not give access to another", async () => {
    const { send } = await runNode();
    await assignShard2(send);
    expect((await send(path)).status).toBe(404);
    const elsewhere = await send("/shard/1/store/a");
    expect([elsewhere.status, elsewhere.json()["code"]]).toEqual([421, "SHARD_NOT_HOSTED"]);
  });

  it.each(["", "x", "-1", "1.0", "01"])("is refused as %j", async (epoch) => {
    const { send } = await runNode();
    expect((await send(path, { headers: { "shard-epoch": epoch } })).json()["code"]).toBe("BAD_REQUEST");
  });
});

describe("X-Shardgate-Cluster", () => {
  const requests = [
    [path, {}],
    [path, { method: "PUT", body: "2" }],
    [path, { method: "DELETE" }],
    ["/shard/2/store", {}],
  ] as const;

  it.each(requests)("of another cluster: refuses %s %j, and runs nothing", async (target, request) => {
    const { send, engine } = await runOwner();
    const answer = await send(target, { ...request, headers: { "x-shardgate-cluster": "c2", "shard-epoch": "5" } });
    expect([answer.status, answer.json()]).toMatchObject([409, { code: "CLUSTER_MISMATCH", clusterId: "c1" }]);
    expect([engine.reads, engine.writes]).toEqual([[], []]);
  });

  it("of the node's own cluster admits requests", async () => {
    const { send, putValue } = await runOwner();
    const headers = { "x-shardgate-cluster": "c1", "shard-epoch": "5" };
    expect((await putValue(path, "1", headers)).status).toBe(201);
    expect((await send(path, { headers })).text).toBe("1");
  });
});

describe("GET of a page", () => {
  it("lists entries in key order with their values as written", async () => {
    const { send, putValue } = await runNode();
    for (const [key, value] of [
      ["b", "1.10"],
      ["a", '{ "x": 1 }'],
      ["c%22", "[1, 2]"],
      ["d", "4"],
    ] as const) {
      await putValue(`/shard/2/store/${key}`, value);
    }
    await putValue("/shard/3/store/other", "1");
    const all = await send("/shard/2/store");
    expect(all.headers["content-type"]).toMatch(/^application\/json/);
    expect(all.text).toBe(
      '{"entries":[{"key":"a","version":"2","value":{ "x": 1 }},{"key":"b","version":"1","value":1.10},' +
        '{"key":"c\\"","version":"3","value":[1, 2]},{"key":"d","version":"4","value":4}],"next":null}',
    );
    const page = await send("/shard/2/store?limit=2&after=a");
    expect(page.json()).toMatchObject({ entries: [{ key: "b" }, { key: 'c"' }], next: 'c"' });
    expect((await send("/shard/2/store?prefix=c")).json()).toMatchObject({ entries: [{ key: 'c"' }], next: null });
    expect((await send("/shard/0/store")).text).toBe('{"entries":[],"next":null}');
  });

  it.each(["limit=0", "limit=1001", "limit=x", "limit=1&limit=2", `prefix=${"x".repeat(1025)}`])(
    "refuses ?%s",
    async (query) => {
      const { send } = await runNode();
      expect((await send(`/shard/2/store?${query}`)).json()["code"]).toBe("BAD_REQUEST");
    },
  );
});

describe("unknown paths and methods", () => {
  it.each([
    ["POST", path, "GET, HEAD, PUT, DELETE"],
    ["PATCH", path, "GET, HEAD, PUT, DELETE"],
    ["OPTIONS", path, "GET, HEAD, PUT, DELETE"],
    ["PUT", "/shard/2/store", "GET, HEAD"],
    ["GET", "/batch", "POST"],
    ["POST", "/shards", "GET, HEAD"],
    ["GET", "/assignments", "PUT"],
    ["DELETE", "/health", "GET, HEAD"],
  ])("answer %s %s with 405 and Allow", async (method, target, allow) => {
    const { send } = await runNode();
    const answer = await send(target, { method });
    expect([answer.status, answer.headers.allow, answer.json()["code"]]).toEqual([405, allow, "METHOD_NOT_ALLOWED"]);
  });

  it.each(["/", "/shard", "/shard/2", "/shard/2/stores/a", "/nothing?x=1"])("answer %s with 404", async (target) => {
    const { send } = await runNode();
    const answer = await send(target);
    expect([answer.status, answer.json()["code"]]).toEqual([404, "NOT_FOUND"]);
    expect(answer.headers["content-type"]).toMatch(/^application\/problem\+json/);
  });

  it("answer a target that is not a path with 400", async () => {
    const { node } = await runNode();
    expect((await call(node.url, "/%zz")).json()["code"]).toBe("BAD_REQUEST");
  });
});

/** A storage node whose gateway has acknowledged its start and assigned it shard 2 under epoch 5. */
async function runOwner(): Promise<Awaited<ReturnType<typeof runNode>>> {
  const answer = { status: 200, body: JSON.stringify(assignments(1, { 2: 5 })) };
  const gateway = await new FakeGateway(() => answer).start();
  onTestFinished(() => gateway.stop());
  const running = await runNode({ gatewayUrls: [gateway.url] });
  await vi.waitFor(async () => expect((await running.send("/health")).json()["isAcknowledged"]).toBe(true));
  return running;
}

/** Makes the node the owner of shard 2, under epoch 5. */
function assignShard2(send: Awaited<ReturnType<typeof runNode>>["send"]): Promise<Answer> {
  return send("/assignments", { method: "PUT", body: JSON.stringify(assignments(1, { 2: 5 })) });
}
