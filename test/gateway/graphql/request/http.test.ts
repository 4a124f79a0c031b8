/** GraphQL over HTTP: methods, media types, bounds, statuses and the headers of every answer. */
import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { defaultBounds } from "../../../../src/core/bounds.js";
import { gatewayConnectionCheckMs, requestTimeoutMs } from "../../../../src/core/limits.js";
import { GraphqlServer } from "../graphql-server.js";

let server: GraphqlServer;
beforeAll(async () => {
  server = await GraphqlServer.start();
  await server.addNode("node1");
});
afterAll(() => server.close());
beforeEach(() => {
  server.router.calls.splice(0);
  server.router.gate = () => Promise.resolve();
});

const modern = { accept: "application/graphql-response+json" };
const query = '{"query":"{ __typename }"}';

describe("a GraphQL request", () => {
  it("is a POST with JSON, or a GET of a query", async () => {
    expect((await server.post(query)).text).toBe('{"data":{"__typename":"Query"}}');
    const types = ["application/graphql+json", "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"'];
    for (const type of types) expect((await server.post(query, { "content-type": type })).status).toBe(200);
    const search = new URLSearchParams({
      query: "query Q($n: Int!) { shard(number: $n) { number } } query R { __typename }",
      operationName: "Q",
      variables: '{"n":1}',
    });
    expect((await server.fetch(`?${search}`, {})).text).toBe('{"data":{"shard":{"number":1}}}');
  });

  it.each([
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/graphql",
    "application/json; charset=latin1",
    "",
  ])("is refused with media type %j", async (type) => {
    const answer = await server.post(query, { "content-type": type });
    expect(answer.status).toBe(415);
    expect(answer.errors).toMatchObject([{ extensions: { code: "UNSUPPORTED_MEDIA_TYPE", isRetryable: false } }]);
  });

  it("is refused when compressed", async () => {
    expect((await server.post(query, { "content-encoding": "gzip" })).status).toBe(415);
  });

  it("may have an empty operationName, which counts as none", async () => {
    const body = '{"query":"query Only { __typename }","operationName":""}';
    expect((await server.post(body)).text).toBe('{"data":{"__typename":"Query"}}');
    expect((await server.fetch("?query={__typename}&operationName=&documentId=", {})).text).toBe(
      '{"data":{"__typename":"Query"}}',
    );
    const two = await server.post('{"query":"query A { __typename } query B { __typename }","operationName":""}');
    expect(two.errors).toMatchObject([{ extensions: { code: "BAD_REQUEST" } }]);
  });

  it.each([
    ["{__typename}", {}],
    ["{__typename}", modern],
    ["{ x }", modern],
    ["{ x", {}],
    ['mutation { put(key: "k", value: 1) { __typename } }', {}],
  ])("with HEAD gets the status and the headers of GET (%s)", async (document, headers) => {
    const search = `?${new URLSearchParams({ query: document })}`;
    const get = await fetch(server.url + search, { headers });
    const head = await fetch(server.url + search, { method: "HEAD", headers });
    expect(head.status).toBe(get.status);
    expect(ofAnswer(head.headers)).toEqual(ofAnswer(get.headers));
    expect(head.headers.get("content-length")).toBe(String(Buffer.byteLength(await get.text())));
  });

  it.each(["PUT", "DELETE", "OPTIONS", "PATCH"])("is refused with method %s", async (method) => {
    const answer = await server.fetch("", { method });
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("GET, HEAD, POST");
    expect(answer.errors).toMatchObject([{ extensions: { code: "METHOD_NOT_ALLOWED" } }]);
  });

  it("is refused as a mutation by GET, and writes nothing", async () => {
    const search = new URLSearchParams({ query: 'mutation { put(key: "k", value: 1) { __typename } }' });
    const answer = await server.fetch(`?${search}`, {});
    expect(answer.status).toBe(405);
    expect(answer.headers.get("allow")).toBe("POST");
    expect(answer.errors).toMatchObject([{ extensions: { code: "METHOD_NOT_ALLOWED" } }]);
    expect(server.router.calls).toHaveLength(0);
  });

  it.each([
    ["{", "The body is not JSON: it ends too early."],
    ["", "The body is not JSON: it is empty."],
    ['{"query": secret}', 'The body is not JSON: unexpected "secret" at line 1, column 11.'],
    ["null", "must be a JSON object"],
    ["5", "must be a JSON object"],
    [`[${query}]`, "arrays of several requests are not supported"],
    ["{}", "Must provide query string"],
    ['{"query":5}', "query"],
    ['{"query":"{ __typename }","variables":[]}', "variables"],
    ['{"query":"{ __typename }","extra":1}', "extra"],
    ['{"query":"query A { __typename } query B { __typename }"}', "operation"],
    ['{"query":"query A { __typename }","operationName":"B"}', "operation"],
    ['{"query":"subscription { a }"}', "no subscriptions"],
  ])("is refused when its body is %j", async (body, message) => {
    const answer = await server.post(body);
    expect(answer.status).toBe(400);
    expect(answer.errors).toMatchObject([
      { message: expect.stringContaining(message), extensions: { code: "BAD_REQUEST", isRetryable: false } },
    ]);
  });

  it("is refused when it is not UTF-8, or its GET variables are not JSON", async () => {
    const bytes = await server.post(new Uint8Array([0x22, 0xff, 0x22]));
    expect(bytes).toMatchObject({ status: 400, errors: [{ message: "The body is not valid UTF-8." }] });
    const variables = await server.fetch("?query={__typename}&variables={", {});
    expect(variables).toMatchObject({ status: 400, errors: [{ extensions: { code: "BAD_REQUEST" } }] });
    const nothing = await server.fetch("", {});
    expect(nothing).toMatchObject({ status: 400, errors: [{ extensions: { code: "BAD_REQUEST" } }] });
  });

  it.each([
    ["{ x", "GRAPHQL_PARSE_FAILED"],
    ["{ x }", "GRAPHQL_VALIDATION_FAILED"],
    ["query($n: Int!) { shard(number: $n) { number } }", "BAD_USER_INPUT"],
  ])("that is well-formed but invalid (%s) gets the status of its media type", async (document, code) => {
    const body = JSON.stringify({ query: document });
    for (const _ of ["first", "from the cache"]) {
      const classic = await server.post(body, { accept: "application/json" });
      expect(classic).toMatchObject({ status: 200, errors: [{ extensions: { code, isRetryable: false } }] });
      const answer = await server.post(body, modern);
      expect(answer).toMatchObject({ status: 400, errors: [{ extensions: { code } }] });
      expect(answer.headers.get("content-type")).toBe("application/graphql-response+json; charset=utf-8");
      expect(answer.text).not.toContain('"http"');
    }
  });

  it.each([
    ["application/graphql-response+json;q=0.5, application/json;q=0.9", "application/json"],
    ["application/json;q=0.5, application/graphql-response+json", "application/graphql-response+json"],
    ["application/json;q=0, */*", "application/graphql-response+json"],
    ["text/html, application/json;q=0.1", "application/json"],
  ])("that accepts %s is answered in %s, even when it fails", async (accept, type) => {
    for (const body of [query, "{"]) {
      const { headers } = await server.post(body, { accept });
      expect(headers.get("content-type")).toBe(`${type}; charset=utf-8`);
    }
  });

  it.each(["image/png", "application/json;q=0", "*/*;q=0", "text/event-stream", "multipart/mixed"])(
    "that accepts %s, and neither of the two media types, is refused before anything is executed",
    async (accept) => {
      const writing = '{"query":"mutation { put(key: \\"k\\", value: 1) { __typename } }"}';
      for (const body of [query, writing]) {
        const answer = await server.post(body, { accept });
        expect(answer.status).toBe(406);
        expect(answer.errors).toMatchObject([{ extensions: { code: "NOT_ACCEPTABLE" } }]);
      }
      expect(server.router.calls).toHaveLength(0);
    },
  );

  it("gets no CORS headers, and must not be cached", async () => {
    const answer = await server.post(query, { origin: "http://evil.example" });
    expect([...answer.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect((await server.fetch("?x=/health", {})).status).toBe(400);
  });
});

describe("a GraphQL request's size", () => {
  const post = '{"query":"{ __typename }","extensions":{"pad":"';
  const padded = (bytes: number): string => `${post}${"x".repeat(bytes - post.length - 3)}"}}`;

  it("is bounded, with or without an announced length", async () => {
    expect((await server.post(padded(defaultBounds.bodyBytes))).status).toBe(200);
    const answer = await server.post(padded(defaultBounds.bodyBytes + 1));
    expect(answer.status).toBe(413);
    expect(answer.errors).toMatchObject([{ extensions: { code: "BODY_TOO_LARGE", isRetryable: false } }]);
    expect(await chunked(defaultBounds.bodyBytes + 1)).toContain("BODY_TOO_LARGE");
  });

  it("ends the connection of a client that does not stop sending", async () => {
    const cut = endless();
    let isOver = false;
    void cut.finally(() => (isOver = true));
    // Bytes after the answer are discarded for a while.
    await vi.waitFor(async () => {
      await server.clock.advance(gatewayConnectionCheckMs);
      expect(isOver).toBe(true);
    });
    await expect(cut).resolves.toBe("cut");
  });

  it("is bounded in tokens and in depth", async () => {
    const tokens = await server.run(
      `{ entries(keys: [${'"" '.repeat(defaultBounds.documentTokens)}]) { __typename } }`,
    );
    expect(tokens.errors).toMatchObject([{ extensions: { code: "DOCUMENT_TOO_LARGE" } }]);
    const deep = await server.run(`{ a(b: ${"[".repeat(100_000)}`);
    expect(deep.errors).toMatchObject([
      { message: expect.stringContaining("nested too deep"), extensions: { code: "DOCUMENT_TOO_DEEP" } },
    ]);
  });

  function chunked(bytes: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { "content-type": "application/json", "transfer-encoding": "chunked" };
      const request = httpRequest(server.url, { method: "POST", headers }, (response) => {
        let text = "";
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve(text));
      });
      request.on("error", reject);
      request.end(padded(bytes));
    });
  }
});

/** Sends without end; resolves when the server closes the connection. */
function endless(): Promise<string> {
  return new Promise((resolve) => {
    const request = httpRequest(server.url, { method: "POST", headers: { "content-type": "application/json" } });
    const chunk = Buffer.alloc(1024 * 1024, 0x20);
    const more = (): void => void request.write(chunk, (error) => (error ? undefined : more()));
    request.on("error", () => resolve("cut"));
    request.on("response", (response) => response.resume());
    more();
  });
}

/** Without headers that differ between any two answers, or concern the connection. */
function ofAnswer(headers: Headers): Readonly<Record<string, string>> {
  const {
    date: _date,
    "x-request-id": _id,
    connection: _kept,
    "keep-alive": _for,
    ...rest
  } = Object.fromEntries(headers);
  return rest;
}

function tooLong(): never {
  throw new RangeError("Invalid string length");
}

describe("a request id", () => {
  it("is kept if it is harmless, else generated, and is in the answer and every log line", async () => {
    const told = await server.post(query, { "x-request-id": "client.id-7_a" });
    expect(told.headers.get("x-request-id")).toBe("client.id-7_a");
    expect(server.log.lines.at(-1)?.facts).toMatchObject({ requestId: "client.id-7_a", method: "POST", status: 200 });
    for (const odd of ["a b", "x".repeat(65), "a,b", ""]) {
      const { headers } = await server.post(query, { "x-request-id": odd });
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-z]+-[0-9a-z]+$/);
    }
  });
});

describe("the end of a request", () => {
  it("is its deadline, counted from its start", async () => {
    await server.run('{ get(key: "a") { key } }');
    expect(server.router.calls[0]?.context.deadlineMs).toBe(server.clock.monotonicMs() + requestTimeoutMs);
    expect(server.router.calls[0]?.context.signal?.aborted).toBe(false);
  });

  it("comes at once when the client disconnects", async () => {
    server.router.gate = ({ signal }) => new Promise((resolve) => signal?.addEventListener("abort", () => resolve()));
    const controller = new AbortController();
    const body = '{"query":"{ get(key: \\"a\\") { key } }"}';
    const headers = { "content-type": "application/json" };
    const answer = fetch(server.url, { method: "POST", headers, body, signal: controller.signal });
    await vi.waitFor(() => expect(server.router.calls).toHaveLength(1));
    controller.abort();
    await expect(answer).rejects.toThrow();
    await vi.waitFor(() => expect(server.router.calls[0]?.context.signal?.aborted).toBe(true));
  });

  it("may come before its body is complete", async () => {
    const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
    socket.write("POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
    await new Promise((resolve) => setImmediate(resolve));
    socket.destroy();
    await vi.waitFor(() => expect(server.log.lines.at(-1)?.facts).toMatchObject({ status: 400 }));
    expect(server.log.lines.at(-1)?.level).toBe("debug");
    expect((await server.post(query)).status).toBe(200);
  });
});

describe("an answer that cannot be created", () => {
  it("is logged and masked", async () => {
    const execute = server.router.execute.bind(server.router);
    const breaking = {
      get: () => {
        throw new Error("a private detail");
      },
    };
    server.router.execute = () =>
      Promise.resolve([Object.defineProperty({ kind: "refused", message: "m" }, "code", breaking) as never]);
    const answer = await server.run('{ get(key: "odd") { key } }');
    server.router.execute = execute;
    expect(answer.errors).toMatchObject([
      { message: "Something went wrong inside the server.", extensions: { code: "INTERNAL_SERVER_ERROR" } },
    ]);
    expect(answer.text).not.toContain("private");
  });

  it("is a plain 500 when not even the error can be sent", async () => {
    const stringify = vi.spyOn(JSON, "stringify").mockImplementationOnce(tooLong);
    const response = await fetch(server.url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: query,
    });
    stringify.mockRestore();
    expect(response.status).toBe(500);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: "INTERNAL_SERVER_ERROR" } }] });
    expect(server.log.lines.some(({ message }) => message.startsWith("A GraphQL request could not be answered;"))).toBe(
      true,
    );
  });

  it("is counted like all others", async () => {
    const before = await server.metrics.total("shardgate_requests_total", { route: "/graphql", status: 415 });
    await server.post(query, { "content-type": "text/plain" });
    expect(await server.metrics.total("shardgate_requests_total", { route: "/graphql", status: 415 })).toBe(before + 1);
  });
});
