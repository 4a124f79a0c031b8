/** HTTP requests as bytes, whole, with odd methods, paths, headers and bodies in their places. */
import * as fc from "fast-check";
import { ghosts, keys } from "./input-values.js";
import { requestBytes } from "./request-bytes.js";

/** To a gateway: whatever a client may put into the places of HTTP. */
export function oddRequests(): fc.Arbitrary<Buffer> {
  return fc
    .record({
      method: fc.oneof(
        { arbitrary: fc.constantFrom("GET", "PUT", "PUT", "DELETE", "HEAD", "POST"), weight: 12 },
        fc.constantFrom("PATCH", "OPTIONS", "TRACE", "get", "BREW", "M-SEARCH"),
      ),
      path: fc.oneof({ arbitrary: dataPaths(), weight: 3 }, otherPaths()),
      headers: headers(),
      body: bodies(),
    })
    .map(({ method, path, headers, body }) => requestBytes(method, path, headers, body));
}

function dataPaths(): fc.Arbitrary<string> {
  const segment = fc.oneof(
    fc.constantFrom(...keys).map((key) => encodeURIComponent(key.toWellFormed())),
    fc.array(fc.constantFrom(...pathPieces), { maxLength: 6 }).map((pieces) => pieces.join("")),
  );
  const query = fc.oneof(
    { arbitrary: fc.constant(""), weight: 4 },
    fc.constantFrom(
      "?",
      "?ttl=5",
      "?ttl=-1",
      "?ttl=",
      "?ttl=1&ttl=2",
      "?ttl=%31",
      "?__proto__=1",
      "?ttl[a]=1",
      "?a=%ff",
    ),
  );
  return fc.tuple(segment, query).map(([key, search]) => `/data/${key}${search}`);
}

const pathPieces = [
  "a",
  "é",
  "%",
  "%2",
  "%2F",
  "%2f",
  "%252F",
  "%00",
  "%C3%A9",
  "%c3",
  "%ED%A0%80",
  "%F4%90%80%80",
  "+",
  ".",
  "..",
  "%2E",
  "/",
  "//",
  ";",
  "=",
  "&",
  "*",
  "(",
  "'",
  "~",
  "\\",
  "|",
  "^",
  "`",
  "<",
  "{",
  "%u0041",
  "x".repeat(1100),
];

function otherPaths(): fc.Arbitrary<string> {
  const fixed = fc.constantFrom(
    "/",
    "/data",
    "/data/",
    "/data/a/b",
    "//data/a",
    "/./data/a",
    "/%64ata/a",
    "/data%2Fa",
    "/DATA/a",
    "*",
    "a",
    "",

    "/shards",
    "/shards/",
    "/shards?a=1",
    "/shards/assign",
    "/nodes",
    "/nodes/",
    "/nodes/%00",
    "/nodes/a/heartbeat",
    "/health",
    "/ready",
    "/metrics",
    "/openapi.json",
    "/graphql",
    "/graphql?",
    "/graphql?query=%7B__typename%7D",

    "/graphql?query=%",
    "/graphql?query=mutation{delete(key:%22a%22){__typename}}",
    "/graphql?variables=1",
    "/console",
    "http://a/data/a",
    "http://a",
    "https://a/graphql?query={a}",
    "http://[::1/data/a",
    "/x".repeat(8000),
    "/\xff",
  );
  const node = fc.constantFrom(...ghosts).map((name) => `/nodes/${encodeURIComponent(name)}`);
  return fc.oneof({ arbitrary: fixed, weight: 6 }, node);
}

function headers(): fc.Arbitrary<Readonly<Record<string, string>>> {
  const tags = ["*", '"1"', 'W/"1"', '"1","2"', "1", '"', "", '"18446744073709551616"', '"-1"', " * ", "\xff"];
  const choice = fc.record(
    {
      "if-match": fc.constantFrom(...tags),
      "if-none-match": fc.constantFrom(...tags),
      "if-modified-since": fc.constantFrom("Sat, 31 Jan 2026 12:00:00 GMT", "yesterday"),
      range: fc.constantFrom("bytes=0-1", "bytes=-"),
      accept: fc.constantFrom("*/*", "text/html", "application/json", "application/*;q=0", ";", "\xff"),
      "accept-encoding": fc.constantFrom("gzip", "br;q=1.0, *;q=0", "identity;q=0"),
      "content-type": fc.constantFrom(
        "application/json",
        "application/json;charset=utf-16",
        "text/plain",
        "a",
        "",
        "\xff",
      ),
      "content-encoding": fc.constantFrom("gzip", "identity", ""),
      "x-request-id": fc.constantFrom("good-1", "", "a b", "\xff", "x".repeat(65)),
      expect: fc.constantFrom("100-continue", "more"),
      origin: fc.constantFrom("http://evil", "null"),
      host: fc.constantFrom("a", "", "a:b:c", "[::1]"),
      connection: fc.constantFrom("keep-alive", "upgrade", "close, te"),
      upgrade: fc.constantFrom("websocket", "h2c"),
      __proto__x: fc.constant("1"),
    },
    { requiredKeys: [] },
  );
  return fc.oneof({ arbitrary: fc.constant({}), weight: 2 }, { arbitrary: choice, weight: 1 }, choice.map(few));
}

/** The first two, so that most requests are refused for one reason only. */
function few(all: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(all).slice(0, 2));
}

function bodies(): fc.Arbitrary<string | Buffer> {
  const texts = fc.constantFrom(
    "",
    "1",
    "null",
    '"x"',
    "[1,2.50]",
    '{"a":1}',
    '{"a":1,"a":2}',
    "{",
    "1 2",
    "-0",
    "1e400",
    " 1 ",
    "\ufeff1",
    '"\\ud800"',
    "[".repeat(65) + "]".repeat(65),
    "NaN",
    '{"__proto__":{"a":1}}',
    '{"query":"{__typename}"}',
    '{"query":7}',
    "[]",
    '{"shardId":0,"nodeId":"ghost1","isPrimary":true}',
    '{"shardId":"0","nodeId":1}',
    '{"id":"ghost1","url":"http://127.0.0.1:1"}',
    '{"id":"__proto__","url":"file:///"}',
    '{"id":{},"url":[]}',
  );
  return fc.oneof(
    { arbitrary: texts, weight: 12 },
    fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 3 }),
  );
}
