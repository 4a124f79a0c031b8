/**
 * The gateway's answers to hostile input: always one code of the closed list, never a fault, and the next valid request
 * is served. One row is one request, as bytes.
 */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { errorRules } from "../../src/core/error.js";
import { graphqlData } from "../support/gateway-calls.js";
import { ProcessCluster } from "../support/process-cluster.js";
import { conversation, drip, exchange, summary, type Bytes } from "../support/raw-exchange.js";
import { gatewayHeadersTimeoutMs } from "../../src/gateway/gateway-server.js";
import { gatewayBodyGraceMs } from "../../src/gateway/edge/open-request.js";

/**
 * `answer` is the status and the first code in the body. GraphQL's own errors have status 200 with application/json.
 */
interface Row {
  readonly name: string;
  readonly request: () => Bytes;
  readonly answer: string;
}
type Headers = Readonly<Record<string, string>>;

let cluster: ProcessCluster;
let neverEndingHeaders: Promise<string>;
const neverEndingBodies = new Map<string, Promise<string>>();

beforeAll(async () => {
  cluster = await ProcessCluster.start({ nodes: 1, shards: 4, engine: "memory" });
  for (const [target, value] of [
    ["/data/good", '"as ever"'],
    ["/data/a%2Fb", '"slash"'],
    ["/data/a%252Fb", '"percent"'],
    ["/data/%C3%A9", '"NFC"'],
  ] as const) {
    expect(summary(await exchange(cluster.origin, http("PUT", target, {}, value)))).toBe("201");
  }
  const headers = Array.from({ length: 1000 }, (_, index) => `x-${index}: a\r\n`);
  neverEndingHeaders = drip(cluster.origin, ["GET /health HTTP/1.1\r\nhost: localhost\r\n", ...headers], 100);
  for (const [method, target] of [
    ["POST", "/graphql"],
    ["PUT", "/data/v"],
    ["POST", "/shards/assign"],
  ] as const) {
    const head = http(method, target, { ...json, "content-length": "1000" }).toString();
    neverEndingBodies.set(target, drip(cluster.origin, [head, ...Array<string>(1000).fill(" ")], 100));
  }
});
afterAll(() => cluster?.stop());

function http(method: string, target: string, headers: Headers = {}, body: Bytes = ""): Buffer {
  const length: Headers = body.length > 0 && headers["transfer-encoding"] === undefined ? lengthOf(body) : {};
  const lines = Object.entries({ host: "localhost", connection: "close", ...length, ...headers });
  const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`${method} ${target} HTTP/1.1\r\n${head}\r\n`, "latin1"), Buffer.from(body)]);
}

function lengthOf(body: Bytes): Headers {
  return { "content-length": String(Buffer.byteLength(body)) };
}

const json: Headers = { "content-type": "application/json" };
const typename = "{ __typename }";
const goodBody = JSON.stringify({ query: typename });

/** A POST of GraphQL parameters, sent unchanged. */
const body = (text: Bytes, headers: Headers = {}): Buffer => http("POST", "/graphql", { ...json, ...headers }, text);
/** A POST of a document, with the variables as JSON text. */
const document = (query: string, variables = "{}"): Buffer =>
  body(`{"query":${JSON.stringify(query)},"variables":${variables}}`);
const chunked = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from(`${bytes.toString(16)}\r\n`), Buffer.alloc(bytes, " "), Buffer.from("\r\n0\r\n\r\n")]);
/** 64 MiB of spaces in 64 KiB. */
const bomb = gzipSync(Buffer.alloc(64 << 20, " "));
const nested = (depth: number, open: string, close: string, inner = ""): string =>
  open.repeat(depth) + inner + close.repeat(depth);
const fragments = (count: number): string =>
  Array.from({ length: count }, (_, index) => `fragment f${index} on Query { ...f${index + 1} }`).join(" ");

function required<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("It is not there.");
  return value;
}

function rows(group: readonly (readonly [name: string, request: () => Bytes, answer: string])[]): readonly Row[] {
  return group.map(([name, request, answer]) => ({ name, request, answer }));
}

const bodies = rows([
  ["a document twice", () => body('{"query":"{ __typename }","query":"{ a: __typename }"}'), "400 BAD_REQUEST"],
  ["a variable twice", () => document(putDocument, '{"v":1,"\\u0076":2}'), "400 BAD_REQUEST"],
  ["a body that is cut off", () => body('{"query":'), "400 BAD_REQUEST"],
  ["no body", () => body(""), "400 BAD_REQUEST"],
  ["null", () => body("null"), "400 BAD_REQUEST"],
  ["a batch", () => body(`[${goodBody}]`), "400 BAD_REQUEST"],
  ["bytes that are not UTF-8", () => body(Buffer.from([0x22, 0xff, 0x22])), "400 BAD_REQUEST"],
  ["50,000 open brackets", () => body("[".repeat(50_000)), "400 BODY_TOO_COMPLEX"],
  ["50,000 nested brackets", () => body(nested(50_000, "[", "]")), "400 BODY_TOO_COMPLEX"],
  ["16 MiB of nested brackets", () => body(nested(8 << 20, "[", "]")), "400 BODY_TOO_COMPLEX"],
  ["16 MiB of empty arrays", () => body(`[${"[],".repeat((16 << 20) / 3 - 2)}1]`), "400 BODY_TOO_COMPLEX"],
  [
    "400,000 different names",
    () => body(`{"variables":{${Array.from({ length: 400_000 }, (_, n) => `"${n}":1`).join(",")}}}`),
    "400 BODY_TOO_COMPLEX",
  ],
  [
    "nested extensions",
    () => body(`{"query":"{__typename}","extensions":${nested(200, "[", "]")}}`),
    "400 BODY_TOO_COMPLEX",
  ],
  ["a document that is no text", () => body('{"query":{"toString":1}}'), "400 BAD_REQUEST"],
  ["variables that are no object", () => body('{"query":"{__typename}","variables":[1]}'), "400 BAD_REQUEST"],
  ["variables as text", () => body('{"query":"{__typename}","variables":"{}"}'), "400 BAD_REQUEST"],
  [
    "an operation name that has no text",
    () => body('{"query":"{__typename}","operationName":{"toString":1}}'),
    "400 BAD_REQUEST",
  ],
  ["__proto__ as a parameter", () => body(`{"query":"{__typename}","__proto__":{}}`), "400 BAD_REQUEST"],
  ["a documentId that is no text", () => body('{"documentId":[]}'), "400 BAD_REQUEST"],
  ["a documentId and a document", () => body('{"documentId":"a","query":"{__typename}"}'), "400 BAD_REQUEST"],
  ["the documentId __proto__", () => body('{"documentId":"__proto__"}'), "404 PERSISTED_DOCUMENT_NOT_FOUND"],
  ["text/plain", () => body(goodBody, { "content-type": "text/plain" }), "415 UNSUPPORTED_MEDIA_TYPE"],
  [
    "a form",
    () => body("query=%7B__typename%7D", { "content-type": "application/x-www-form-urlencoded" }),
    "415 UNSUPPORTED_MEDIA_TYPE",
  ],
  [
    "multipart",
    () => body("--a--", { "content-type": "multipart/form-data; boundary=a" }),
    "415 UNSUPPORTED_MEDIA_TYPE",
  ],
  [
    "UTF-16",
    () => body(goodBody, { "content-type": "application/json; charset=utf-16" }),
    "415 UNSUPPORTED_MEDIA_TYPE",
  ],
  ["gzip", () => body(gzipSync(goodBody), { "content-encoding": "gzip" }), "415 UNSUPPORTED_MEDIA_TYPE"],
  ["a gzip bomb", () => body(bomb, { "content-encoding": "gzip" }), "415 UNSUPPORTED_MEDIA_TYPE"],
  ["20 MiB", () => body(Buffer.alloc(20 << 20, " "), { connection: "keep-alive" }), "413 BODY_TOO_LARGE"],
  [
    "20 MiB in chunks",
    () => body(chunked(20 << 20), { "transfer-encoding": "chunked", connection: "keep-alive" }),
    "413 BODY_TOO_LARGE",
  ],
  ["an answer that cannot be made", () => body(goodBody, { accept: "text/plain" }), "406 NOT_ACCEPTABLE"],
  ["an Accept header of bytes", () => body(goodBody, { accept: "\xff\x80;;,,q=a" }), "406 NOT_ACCEPTABLE"],
]);

const documents = rows([
  [
    "1,000 aliases",
    () => document(`{ ${Array.from({ length: 1000 }, (_, n) => `a${n}: get(key: "none") { key }`).join(" ")} }`),
    "200 TOO_MANY_ALIASES",
  ],
  [
    "depth 200",
    () => document(`{ get(key: "none") { ${nested(100, "shard { assignments { ", " } }", "isPrimary")} } }`),
    "200 DOCUMENT_TOO_DEEP",
  ],
  ["500 directives", () => document(`{ __typename ${"@include(if: true) ".repeat(500)} }`), "200 TOO_MANY_DIRECTIVES"],
  [
    "a cycle of fragments",
    () => document("{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }"),
    "200 GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "a chain of 6,000 fragments",
    () => document(`{ ...f0 } ${fragments(6000)} fragment f6000 on Query { __typename }`),
    "200 DOCUMENT_TOO_LARGE",
  ],
  ["a chain of 1,000 fragments", () => document(`{ ...f0 } ${fragments(1000)}`), "200 DOCUMENT_TOO_LARGE"],
  [
    "fragments that double 14 times",
    () => {
      const again = (n: number): string => `primary { shards { ...f${n + 1} } }`;
      const all = Array.from(
        { length: 14 },
        (_, n) => `fragment f${n} on Shard { a: ${again(n)} b: ${again(n)} }`,
      ).join(" ");
      return document(`{ shards { ...f0 } } ${all} fragment f14 on Shard { id }`);
    },
    "200 TOO_MANY_FIELDS",
  ],
  ["one field 4,000 times", () => document(`{ ${"__typename ".repeat(4000)} }`), "200 TOO_MANY_FIELDS"],
  [
    "one field with 500 arguments",
    () => document(`{ ${"scan(first: 1) { __typename } ".repeat(500)} }`),
    "200 TOO_MANY_FIELDS",
  ],
  [
    "150 fields at the top",
    () => document(`{ ${Array.from({ length: 150 }, (_, n) => `f${n}`).join(" ")} }`),
    "200 TOO_MANY_ROOT_FIELDS",
  ],
  [
    "300 operations",
    () => document(Array.from({ length: 300 }, (_, n) => `query q${n} { __typename }`).join(" ")),
    "200 DOCUMENT_TOO_LARGE",
  ],
  ["16,000 empty lines", () => document(`{ ${"\n".repeat(16_000)} nothing }`), "200 DOCUMENT_TOO_LARGE"],
  ["1 MiB of commas", () => document(`{ __typename ${",".repeat(1 << 20)} }`), "200 DOCUMENT_TOO_LARGE"],
  [
    "an introspection within itself",
    () => document(`{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }`),
    "200 GRAPHQL_VALIDATION_FAILED",
  ],
  [
    "an introspection that multiplies",
    () =>
      document(
        `{ __schema { types { fields { type { fields { ${Array.from({ length: 90 }, (_, n) => `a${n}: name`).join(" ")} } } } } } }`,
      ),
    "200 TOO_MANY_FIELDS",
  ],
  ["50,000 nested fields", () => document(nested(50_000, "{a", "}")), "200 DOCUMENT_TOO_DEEP"],
  ["50,000 nested brackets", () => document(`{ get(key: ${nested(50_000, "[", "]")}) }`), "200 DOCUMENT_TOO_DEEP"],
  ["15,001 tokens", () => document(`{ ${"a ".repeat(15_000)} }`), "200 DOCUMENT_TOO_LARGE"],
  ["a lone surrogate in a literal", () => document('{ get(key: "\\ud800") { key } }'), "200 GRAPHQL_PARSE_FAILED"],
  ["1.0 for Int", () => document("{ scan(first: 1.0) { edges { cursor } } }"), "200 GRAPHQL_VALIDATION_FAILED"],
  ['"1" for Int', () => document('{ scan(first: "1") { edges { cursor } } }'), "200 GRAPHQL_VALIDATION_FAILED"],
  ["2^31 for Int", () => document("{ scan(first: 2147483648) { edges { cursor } } }"), "200 GRAPHQL_VALIDATION_FAILED"],
  ["a negative page", () => document("{ scan(first: -1) { edges { cursor } } }"), "200 BAD_USER_INPUT"],
  [
    "1,001 keys",
    () => document(`{ entries(keys: ${JSON.stringify(Array(1001).fill("a"))}) { __typename } }`),
    "200 TOO_MANY_KEYS",
  ],
  [
    "100 writes of 1,000 keys each",
    () => {
      const fields = Array.from({ length: 100 }, (_, n) => `d${n}: deleteMany(items: $i) { __typename }`).join(" ");
      const items = JSON.stringify(Array.from({ length: 1000 }, () => ({ key: "good" })));
      return document(`mutation ($i: [DeleteInput!]!) { ${fields} }`, `{"i":${items}}`);
    },
    "200 REQUEST_TOO_COSTLY",
  ],
  [
    "100 pages of 1,000 entries",
    () =>
      document(
        `{ ${Array.from({ length: 100 }, (_, n) => `s${n}: scan(first: 1000) { edges { cursor } }`).join(" ")} }`,
      ),
    "200 REQUEST_TOO_COSTLY",
  ],
  ["an ID of another schema", () => document('{ node(id: "X19wcm90b19fOng") { id } }'), "200 BAD_USER_INPUT"],
  ["a cursor that is none", () => document('{ scan(after: "MTouLg") { edges { cursor } } }'), "200 BAD_USER_INPUT"],
  [
    "an enum value as JSON",
    () => document('mutation { put(key: "a", value: A) { __typename } }'),
    "200 BAD_USER_INPUT",
  ],
]);

const keyQuery = "query ($key: String!) { entries(keys: [$key]) { ... on Problem { code } } }";
const scanQuery = "query ($first: Int) { scan(first: $first) { edges { cursor } } }";
const putDocument = 'mutation ($v: JSON!) { put(key: "v", value: $v) { ... on Problem { code } } }';
const conditionDocument = 'mutation ($c: WriteCondition) { put(key: "v", value: 1, condition: $c) { __typename } }';
const versionDocument = 'mutation ($v: Version!) { delete(key: "none", condition: { ifVersion: $v }) { __typename } }';
const itemsDocument = "mutation ($i: [PutInput!]!) { putMany(items: $i) { __typename } }";

const variables = rows([
  ["a key that is a lone surrogate", () => document(keyQuery, '{"key":"\\ud800"}'), "200 INVALID_KEY"],
  ["an empty key", () => document(keyQuery, '{"key":""}'), "200 INVALID_KEY"],
  ["a key with NUL", () => document(keyQuery, '{"key":"a\\u0000"}'), "200 INVALID_KEY"],
  ["a key that is a number", () => document(keyQuery, '{"key":1}'), "200 BAD_USER_INPUT"],
  ["a key behind __proto__", () => document(keyQuery, '{"__proto__":{"key":"a"}}'), "200 BAD_USER_INPUT"],
  [
    "50,000 brackets for a key",
    () => document(keyQuery, `{"key":${nested(50_000, "[", "]")}}`),
    "400 BODY_TOO_COMPLEX",
  ],
  ["100 brackets for a key", () => document(keyQuery, `{"key":${nested(100, "[", "]")}}`), "200 BAD_USER_INPUT"],
  ["1.5 for Int", () => document(scanQuery, '{"first":1.5}'), "200 BAD_USER_INPUT"],
  ['"1" for Int', () => document(scanQuery, '{"first":"1"}'), "200 BAD_USER_INPUT"],
  ["1e400 for Int", () => document(scanQuery, '{"first":1e400}'), "200 BAD_USER_INPUT"],
  [
    "a value nested 20,000 deep",
    () => document(putDocument, `{"v":${nested(20_000, "[", "]")}}`),
    "400 BODY_TOO_COMPLEX",
  ],
  ["a value nested 65 deep", () => document(putDocument, `{"v":${nested(65, "[", "]")}}`), "200 INVALID_VALUE"],
  ["a value with a name twice", () => document(putDocument, '{"v":{"a":1,"\\u0061":2}}'), "200 INVALID_VALUE"],
  [
    "two conditions",
    () => document(conditionDocument, '{"c":{"ifAbsent":true,"ifPresent":true}}'),
    "200 BAD_USER_INPUT",
  ],
  ["no condition in one", () => document(conditionDocument, '{"c":{}}'), "200 BAD_USER_INPUT"],
  ["a condition that is null", () => document(conditionDocument, '{"c":{"ifVersion":null}}'), "200 BAD_USER_INPUT"],
  [
    "a condition behind __proto__",
    () => document(conditionDocument, '{"c":{"__proto__":{"ifAbsent":true}}}'),
    "200 BAD_USER_INPUT",
  ],
  [
    "an item's condition behind __proto__",
    () => document(itemsDocument, '{"i":[{"key":"a","value":1,"__proto__":{"condition":{"ifAbsent":true}}}]}'),
    "200 BAD_USER_INPUT",
  ],
  ['version "0"', () => document(versionDocument, '{"v":"0"}'), "200 BAD_USER_INPUT"],
  ['version "-1"', () => document(versionDocument, '{"v":"-1"}'), "200 BAD_USER_INPUT"],
  ['version "1e3"', () => document(versionDocument, '{"v":"1e3"}'), "200 BAD_USER_INPUT"],
  ["version 2^64", () => document(versionDocument, '{"v":"18446744073709551616"}'), "200 BAD_USER_INPUT"],
  ["a version as a number", () => document(versionDocument, '{"v":1}'), "200 BAD_USER_INPUT"],
]);

const put = (target: string, headers: Headers = {}, value: Bytes = "1"): Buffer => http("PUT", target, headers, value);

const keys = rows([
  ["no key", () => http("GET", "/data/"), "400 INVALID_KEY"],
  [".", () => http("GET", "/data/."), "400 INVALID_KEY"],
  ["..", () => http("GET", "/data/.."), "400 INVALID_KEY"],
  ["%2e%2e", () => http("GET", "/data/%2e%2e"), "400 INVALID_KEY"],
  ["%2e%2e/shards", () => http("GET", "/data/%2e%2e/shards"), "404 NOT_FOUND"],
  ["%2e%2e%2fshards", () => http("GET", "/data/%2e%2e%2fshards"), "404 KEY_NOT_FOUND"],
  ["%zz", () => http("GET", "/data/%zz"), "400 INVALID_KEY"],
  ["%ff", () => http("GET", "/data/%ff"), "400 INVALID_KEY"],
  ["%00", () => http("GET", "/data/%00"), "400 INVALID_KEY"],
  ["a surrogate in UTF-8", () => http("GET", "/data/%ed%a0%80"), "400 INVALID_KEY"],
  ["1,025 bytes", () => http("GET", `/data/${"a".repeat(1025)}`), "400 INVALID_KEY"],
  ["NFD of an NFC key", () => http("GET", "/data/e%CC%81"), "404 KEY_NOT_FOUND"],
  ["__proto__", () => http("GET", "/data/__proto__"), "404 KEY_NOT_FOUND"],
  ["a path that hides /data/", () => http("GET", "/%64ata/a%252Fb"), "404 NOT_FOUND"],
  ["raw bytes in the path", () => http("GET", "/data/\xc3\xa9"), "400 BAD_REQUEST"],
]);

const values = rows([
  ["nested 20,000 deep", () => put("/data/v", {}, nested(20_000, "[", "]")), "422 INVALID_VALUE"],
  ["1 MiB of nested brackets", () => put("/data/v", {}, nested(1 << 19, "[", "]")), "422 INVALID_VALUE"],
  ["a name twice", () => put("/data/v", {}, '{"a":1,"a":2}'), "422 INVALID_VALUE"],
  ["bytes that are not UTF-8", () => put("/data/v", {}, Buffer.from([0x22, 0xff, 0x22])), "422 INVALID_VALUE"],
  ["2 MiB", () => put("/data/v", { connection: "keep-alive" }, Buffer.alloc(2 << 20, "1")), "413 BODY_TOO_LARGE"],
  ["gzip", () => put("/data/v", { "content-encoding": "gzip" }, gzipSync("1")), "415 UNSUPPORTED_MEDIA_TYPE"],
  ["text said to be gzip", () => put("/data/v", { "content-encoding": "gzip" }), "415 UNSUPPORTED_MEDIA_TYPE"],
  ['If-Match: "0"', () => put("/data/v", { "if-match": '"0"' }), "412 VERSION_CONFLICT"],
  ['If-Match: "-1"', () => put("/data/v", { "if-match": '"-1"' }), "412 VERSION_CONFLICT"],
  ['If-Match: "1e3"', () => put("/data/v", { "if-match": '"1e3"' }), "412 VERSION_CONFLICT"],
  ["If-Match: 2^64", () => put("/data/v", { "if-match": '"18446744073709551616"' }), "412 VERSION_CONFLICT"],
  ["If-Match of a forged version", () => put("/data/good", { "if-match": '"999999"' }), "412 VERSION_CONFLICT"],
  ["a weak version of long ago", () => put("/data/good", { "if-match": 'W/"9"' }), "412 VERSION_CONFLICT"],
  ["a tag of another server", () => put("/data/good", { "if-match": '"abc"' }), "412 VERSION_CONFLICT"],
  ["two versions", () => put("/data/good", { "if-match": '"1", "2"' }), "400 BAD_REQUEST"],
  [
    "two conditions of one kind",
    () =>
      raw("PUT /data/good HTTP/1.1", "host: localhost", "if-match: *", 'if-match: "1"', "content-length: 1", "", "1"),
    "400 BAD_REQUEST",
  ],
  ["If-None-Match of a version", () => put("/data/good", { "if-none-match": '"1"' }), "400 BAD_REQUEST"],
  ["If-Match without quotes", () => put("/data/good", { "if-match": "1" }), "400 BAD_REQUEST"],
  ["a gzip bomb", () => put("/data/v", { "content-encoding": "gzip" }, bomb), "415 UNSUPPORTED_MEDIA_TYPE"],
  ["an unknown encoding", () => put("/data/v", { "content-encoding": "gzip, identity" }), "415 UNSUPPORTED_MEDIA_TYPE"],
  ["no value", () => http("PUT", "/data/v"), "422 INVALID_VALUE"],
  [
    "2 MiB in chunks",
    () => put("/data/v", { "transfer-encoding": "chunked", connection: "keep-alive" }, chunked(2 << 20)),
    "413 BODY_TOO_LARGE",
  ],
  ["both conditions", () => put("/data/v", { "if-match": "*", "if-none-match": "*" }), "400 BAD_REQUEST"],
  ["ttl twice", () => put("/data/v?ttl=1&ttl=2"), "400 BAD_REQUEST"],
  ["ttl 1e3", () => put("/data/v?ttl=1e3"), "400 BAD_REQUEST"],
]);

const register = (url: string): Buffer => http("POST", "/nodes", json, JSON.stringify({ id: "evil", url }));
const registerNode1 = (url: string): Buffer => http("POST", "/nodes", json, JSON.stringify({ id: "node1", url }));
const assign = (text: string): Buffer => http("POST", "/shards/assign", json, text);

const administration = rows([
  ["file:", () => register("file:///etc/passwd"), "400 BAD_REQUEST"],
  ["user info", () => register("http://user:password@127.0.0.1"), "400 BAD_REQUEST"],
  ["169.254.169.254", () => register("http://169.254.169.254/"), "400 BAD_REQUEST"],
  ["0xa9fea9fe", () => register("http://0xa9fea9fe/"), "400 BAD_REQUEST"],
  ["2852039166", () => register("http://2852039166/"), "400 BAD_REQUEST"],
  // Loopback in another form, where storage nodes are allowed: node1 is at another port of it.
  ["0x7f.1", () => registerNode1("http://0x7f.1:1/"), "409 NODE_CONFLICT"],
  ["2130706433", () => registerNode1("http://2130706433:1/"), "409 NODE_CONFLICT"],
  ["::ffff:169.254.169.254", () => register("http://[::ffff:169.254.169.254]/"), "400 BAD_REQUEST"],
  ["its own address as a storage node's", () => register(cluster.origin), "400 BAD_REQUEST"],
  ["port 0", () => register("http://127.0.0.1:0"), "400 BAD_REQUEST"],
  ["CRLF in a URL", () => register("http://a\r\nx: y"), "400 BAD_REQUEST"],
  [
    "a map version that no schema holds",
    () =>
      http(
        "POST",
        "/nodes",
        json,
        '{"id":"a","url":"http://127.0.0.1:1","clusterId":"c","shardCount":4,"mapVersion":2147483648}',
      ),
    "400 BAD_REQUEST",
  ],
  [
    "a registration behind __proto__",
    () => http("POST", "/nodes", json, '{"__proto__":{"id":"a"}}'),
    "400 BAD_REQUEST",
  ],
  [
    "a registration as text",
    () => http("POST", "/nodes", { "content-type": "text/plain" }, '{"id":"a","url":"http://a"}'),
    "415 UNSUPPORTED_MEDIA_TYPE",
  ],
  ["a node called __proto__", () => http("DELETE", "/nodes/__proto__"), "400 BAD_REQUEST"],
  [
    "an assignment in chunks",
    () => http("POST", "/shards/assign", { ...json, "transfer-encoding": "chunked" }, chunked(2 << 20)),
    "413 BODY_TOO_LARGE",
  ],
  ["an array", () => assign("[]"), "400 BAD_REQUEST"],
  ["a name twice", () => assign('{"shardId":0,"nodeId":"node1","nodeId":"node2"}'), "400 BAD_REQUEST"],
  ["an epoch of long ago", () => assign('{"shardId":0,"nodeId":"node1","ifEpoch":0}'), "409 EPOCH_CONFLICT"],
  ["1 MiB of brackets", () => assign("[".repeat(1 << 20)), "400 BODY_TOO_COMPLEX"],
  ["epoch -1", () => assign('{"shardId":0,"nodeId":"node1","ifEpoch":-1}'), "400 BAD_REQUEST"],
  ["shard 1e400", () => assign('{"shardId":1e400,"nodeId":"node1"}'), "400 BAD_REQUEST"],
  ["shard 1e3", () => assign('{"shardId":1e3,"nodeId":"node1"}'), "404 SHARD_NOT_FOUND"],
  [
    "a node's name of 1 MB",
    () => document(`mutation { removeStorageNode(input: { name: "${"a".repeat(1e6)}" }) { removedId } }`),
    "200 DOCUMENT_TOO_LARGE",
  ],
  [
    "a node's name of 1 MB in a variable",
    () =>
      document(
        "mutation ($name: String!) { removeStorageNode(input: { name: $name }) { removedId } }",
        `{"name":"${"a".repeat(1e6)}"}`,
      ),
    "200 BAD_REQUEST",
  ],
]);

const query = encodeURIComponent(typename);
const mutation = encodeURIComponent('mutation { delete(key: "good") { __typename } }');
const raw = (...lines: readonly string[]): string => lines.map((line) => `${line}\r\n`).join("");

const protocol = rows([
  ["a mutation by GET", () => http("GET", `/graphql?query=${mutation}`), "405 METHOD_NOT_ALLOWED"],
  ["a document twice", () => http("GET", `/graphql?query=${query}&query=${mutation}`), "200"],
  ["no document", () => http("GET", "/graphql?"), "400 BAD_REQUEST"],
  ["variables that are no JSON", () => http("GET", `/graphql?query=${query}&variables=a`), "400 BAD_REQUEST"],
  [
    "variables nested 2,000 deep",
    () => http("GET", `/graphql?query=${query}&variables=${nested(2000, "[", "]")}`),
    "400 BODY_TOO_COMPLEX",
  ],
  ["HEAD", () => http("HEAD", `/graphql?query=${query}`), "200"],
  ["a mutation by HEAD", () => http("HEAD", `/graphql?query=${mutation}`), "405"],
  ["OPTIONS of another origin", () => http("OPTIONS", "/graphql", { origin: "http://evil" }), "405 METHOD_NOT_ALLOWED"],
  [
    "a preflight of another origin",
    () => http("OPTIONS", "/graphql", { origin: "http://evil", "access-control-request-method": "POST" }),
    "403 ORIGIN_NOT_ALLOWED",
  ],
  ["a GraphQL request of another origin", () => body(goodBody, { origin: "http://evil" }), "403 ORIGIN_NOT_ALLOWED"],
  ["one of a sandbox", () => body(goodBody, { origin: "null" }), "403 ORIGIN_NOT_ALLOWED"],
  [
    "a heartbeat that any page could send",
    () => http("POST", "/nodes/node1/heartbeat", { origin: "http://evil" }),
    "403 ORIGIN_NOT_ALLOWED",
  ],
  [
    "an assignment that says it comes from elsewhere",
    () => http("POST", "/shards/assign", { ...json, "sec-fetch-site": "cross-site" }, "{}"),
    "403 ORIGIN_NOT_ALLOWED",
  ],
  ["a name that was rebound", () => http("GET", "/shards", { host: "evil.example" }), "421 HOST_NOT_ALLOWED"],
  [
    "a rebound name for GraphQL",
    () => http("POST", "/graphql", { ...json, host: "evil.example:80" }, goodBody),
    "421 HOST_NOT_ALLOWED",
  ],
  ["a rebound name for the page", () => http("GET", "/", { host: "localhost.evil.example" }), "421 HOST_NOT_ALLOWED"],
  ["a host that is none", () => http("GET", "/health", { host: "a b" }), "400 BAD_REQUEST"],
  ["an empty host", () => http("GET", "/health", { host: "" }), "400 BAD_REQUEST"],
  ["an address", () => http("GET", "/health", { host: "[::1]:80" }), "200"],
  ["two hosts", () => raw("GET /health HTTP/1.1", "host: localhost", "Host: localhost", ""), "400 BAD_REQUEST"],
  ["TRACE", () => http("TRACE", "/data/good"), "405 METHOD_NOT_ALLOWED"],
  ["CONNECT", () => http("CONNECT", "a:80"), "405 METHOD_NOT_ALLOWED"],
  ["QUERY", () => http("QUERY", "/shards"), "400 BAD_REQUEST"],
  ["a method in small letters", () => http("get", "/health"), "400 BAD_REQUEST"],
  ["a method that the path does not have", () => http("PATCH", "/shards"), "405 METHOD_NOT_ALLOWED"],
  ["HTTP/2 without asking", () => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400 BAD_REQUEST"],
  ["HTTP/1.0", () => raw("GET /health HTTP/1.0", ""), "200"],
  ["HTTP/0.9", () => "GET /health\r\n\r\n", "400 BAD_REQUEST"],
  ["HTTP/3.7", () => raw("GET /health HTTP/3.7", "host: localhost", ""), "400 BAD_REQUEST"],
  [
    "an upgrade to h2c",
    () =>
      http("GET", "/health", { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" }),
    "200",
  ],
  [
    "an upgrade to WebSocket",
    () =>
      http("GET", "/graphql", {
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
      }),
    "400 BAD_REQUEST",
  ],
  ["no method", () => http("BREW", "/data/good"), "400 BAD_REQUEST"],
  ["a whole URL as target", () => http("GET", `http://localhost:1/graphql?query=${query}`, { host: "other" }), "200"],
  ["a whole URL with another name", () => http("GET", `http://other/graphql?query=${query}`), "421 HOST_NOT_ALLOWED"],
  ["a whole URL without a host", () => http("GET", "http:///health"), "400 BAD_REQUEST"],
  ["an asterisk", () => http("OPTIONS", "*"), "404 NOT_FOUND"],
  ["# in a path", () => http("GET", "/data/go#od"), "404 KEY_NOT_FOUND"],
  ["//graphql", () => http("GET", `//graphql?query=${query}`), "404 NOT_FOUND"],
  ["%67raphql", () => http("GET", `/%67raphql?query=${query}`), "404 NOT_FOUND"],
  ["/graphql#", () => http("GET", "/graphql#"), "404 NOT_FOUND"],
  ["a backslash", () => http("GET", "\\graphql"), "400 BAD_REQUEST"],
  ["CRLF in a request id", () => http("GET", "/health", { "x-request-id": "a\r\nx-evil: 1" }), "200"],
  ["LF in a header", () => http("GET", "/health", { "x-a": "a\nb" }), "400 BAD_REQUEST"],
  ["NUL in a header", () => http("GET", "/health", { "x-a": "a\0b" }), "400 BAD_REQUEST"],
  ["20,000 bytes of headers", () => http("GET", "/health", { "x-a": "a".repeat(20_000) }), "431 HEADERS_TOO_LARGE"],
  ["a URL of 20,000 bytes", () => http("GET", `/data/${"a".repeat(20_000)}`), "431 HEADERS_TOO_LARGE"],
  [
    "101 headers, a condition behind them",
    () =>
      raw(
        "PUT /data/good HTTP/1.1",
        "host: localhost",
        ...Array<string>(98).fill("x: 1"),
        "if-none-match: *",
        "content-length: 1",
        "",
        "1",
      ),
    "431 HEADERS_TOO_LARGE",
  ],
  ["a header folded over two lines", () => http("GET", "/health", { "x-a": "a\r\n b" }), "400 BAD_REQUEST"],
  ["a space before a colon", () => raw("GET /health HTTP/1.1", "host: localhost", "x-a : b", ""), "400 BAD_REQUEST"],

  ["no host", () => raw("GET /health HTTP/1.1", ""), "400 BAD_REQUEST"],
  ["an expectation", () => http("PUT", "/data/v", { expect: "much" }, "1"), "400 BAD_REQUEST"],
  ["Expect: 100-continue", () => body(goodBody, { expect: "100-continue" }), "200"],
  [
    "two lengths",
    () => raw("POST /graphql HTTP/1.1", "host: localhost", "content-length: 2", "content-length: 3", "", "{}"),
    "400 BAD_REQUEST",
  ],
  [
    "a length and chunks",
    () =>
      raw("POST /graphql HTTP/1.1", "host: localhost", "content-length: 2", "transfer-encoding: chunked", "", "0", ""),
    "400 BAD_REQUEST",
  ],
  [
    "chunks twice",
    () =>
      raw(
        "POST /graphql HTTP/1.1",
        "host: localhost",
        "transfer-encoding: chunked",
        "transfer-encoding: identity",
        "",
        "0",
        "",
      ),
    "400 BAD_REQUEST",
  ],
  [
    "chunks in disguise",
    () => raw("POST /graphql HTTP/1.1", "host: localhost", "transfer-encoding: xchunked", "", "0", ""),
    "400 BAD_REQUEST",
  ],
  [
    "a compressed body in chunks",
    () => body("0\r\n\r\n", { "transfer-encoding": "gzip, chunked" }),
    "501 TRANSFER_ENCODING_NOT_SUPPORTED",
  ],
  [
    "a compressed body in chunks, in two headers",
    () =>
      raw(
        "PUT /data/coded HTTP/1.1",
        "host: localhost",
        "transfer-encoding: gzip",
        "transfer-encoding: chunked",
        "",
        "0",
        "",
      ),
    "501 TRANSFER_ENCODING_NOT_SUPPORTED",
  ],
  ["a negative length", () => body("", { "content-length": "-1" }), "400 BAD_REQUEST"],
  ["a length in hexadecimal", () => body("", { "content-length": "0x10" }), "400 BAD_REQUEST"],
  ["a length beyond 2^64", () => body("", { "content-length": "18446744073709551617" }), "400 BAD_REQUEST"],
  ["a length of 4 GiB", () => body("{", { "content-length": "4294967296" }), "413 BODY_TOO_LARGE"],
  [
    "a length of 4 GiB that is only asked about",
    () => body("", { "content-length": "4294967296", expect: "100-continue" }),
    "413 BODY_TOO_LARGE",
  ],
  [
    "a chunk of 2^64 bytes",
    () => body("ffffffffffffffffff\r\n", { "transfer-encoding": "chunked" }),
    "400 BAD_REQUEST",
  ],
  ["a chunk without a length", () => body("zz\r\n", { "transfer-encoding": "chunked" }), "400 BAD_REQUEST"],
  [
    "a write with garbage behind it: its answer is its own",
    () => `${raw("PUT /data/longer HTTP/1.1", "host: localhost", "content-length: 1", "")}1GARBAGE\r\n\r\n`,
    "201",
  ],
  [
    "a body longer than its length",
    () => body(goodBody, { "content-length": `${goodBody.length - 1}` }),
    "400 BAD_REQUEST",
  ],
  [
    "a body that is megabytes longer than its length",
    () => body(goodBody + " ".repeat(4 << 20), { "content-length": `${goodBody.length}` }),
    "200",
  ],
  ["TLS", () => Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00]), "400 BAD_REQUEST"],
]);

describe.each([
  ["as a body", bodies],
  ["in a document", documents],
  ["in variables", variables],
  ["as a key", keys],
  ["as a value", values],
  ["to administration", administration],
  ["in HTTP", protocol],
] as const)("hostile input %s", (_where, group) => {
  it.each(group)("$name: $answer", async ({ request, answer }) => {
    const text = await exchange(cluster.origin, request());
    expect(summary(text)).toBe(answer);
    const code = answer.split(" ")[1];
    if (code !== undefined) expect(errorRules).toHaveProperty(code);
    expect(text).not.toMatch(/node_modules|\.js:\d|\n\s+at /);
    if (text !== "") {
      expect(text).toContain("x-content-type-options: nosniff\r\n");
      expect(text).toContain("cross-origin-resource-policy: same-origin\r\n");
      expect(text).toMatch(/cache-control: no-(store|cache)\r\n/);
    }
    expect(await graphqlData(cluster.origin, '{ get(key: "good") { value } }')).toEqual({ get: { value: "as ever" } });
  });
});

describe("the gateway after hostile input", () => {
  it.each([
    ["/data/a%2Fb", '"slash"'],
    ["/data/a%252Fb", '"percent"'],
    ["http://localhost/data/a%2Fb", '"slash"'],
    ["http://localhost/data/a%252Fb", '"percent"'],
    ["/data/%C3%A9", '"NFC"'],
  ])("decodes the key of %s once", async (target, value) => {
    const text = await exchange(cluster.origin, http("GET", target));
    expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(value);
  });

  it.each(["9007199254740993", "12345678901234567890", "1e400", "1.10", "-0", '{"__proto__":1,"toJSON":2}'])(
    "preserves %s, in GraphQL and REST",
    async (value) => {
      const literal = value.replaceAll(/"(\w+)"/g, "$1");
      for (const request of [
        put("/data/exact", {}, value),
        document('mutation ($v: JSON!) { put(key: "exact", value: $v) { __typename } }', `{"v":${value}}`),
        document(`mutation { put(key: "exact", value: ${literal}) { __typename } }`),
      ]) {
        expect(summary(await exchange(cluster.origin, request))).toMatch(/^20[01]$/);
        const text = await exchange(cluster.origin, http("GET", "/data/exact"));
        expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(value);
        await exchange(cluster.origin, http("DELETE", "/data/exact"));
      }
    },
  );

  it("accepts a request that arrives in pieces, and many requests at once over one connection", async () => {
    const { origin } = cluster;
    const pieces = body(goodBody)
      .toString()
      .split(/(?=[:{])/);
    expect(summary(await drip(origin, pieces, 5))).toBe("200");
    const last = http("GET", "/ready").toString();
    const pipelined = raw("GET /health HTTP/1.1", "host: localhost", "").repeat(50) + last;
    expect(summary(await exchange(origin, pipelined))).toBe("200");
  });

  it(
    "disconnects a client that never ends its headers",
    async () => {
      expect(summary(await neverEndingHeaders)).toBe("408 REQUEST_TIMEOUT");
    },
    3 * gatewayHeadersTimeoutMs,
  );

  it.each(["/graphql", "/data/v", "/shards/assign"])(
    "disconnects a client that never ends the body for %s",
    async (target) => {
      expect(summary(await required(neverEndingBodies.get(target)))).toBe("408 REQUEST_TIMEOUT");
    },
    3 * gatewayBodyGraceMs,
  );

  it("repeats no line break of a request in its answer", async () => {
    for (const request of [
      http("GET", "/health", { "x-request-id": "a%0d%0ax-evil:1" }),
      http("GET", "/data/a%0d%0ax-evil:1"),
      http("GET", "/health", { "x-request-id": "a\r\nx-evil: 1" }),
      http("GET", "/nothing%0d%0ax-evil:1"),
    ]) {
      const text = await exchange(cluster.origin, request);
      expect(text.slice(0, text.indexOf("\r\n\r\n")).toLowerCase()).not.toContain("x-evil");
    }
  });

  it("answers, in order, the requests that follow a refused one", async () => {
    const refused =
      raw("GET /nothing HTTP/1.1", "host: localhost", "") + raw("GET /health HTTP/1.1", "host: evil.example", "");
    const last = http("GET", "/health").toString();
    const text = await conversation(cluster.origin, refused + last);
    expect([...text.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status)).toEqual(["404", "421", "200"]);
  });

  it("asks for a body only when it will read it", async () => {
    const text = await exchange(cluster.origin, body(goodBody, { expect: "100-continue" }));
    expect(text).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
    const refused = await exchange(cluster.origin, body("", { expect: "100-continue", "content-length": "99999999" }));
    expect(refused).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("tells browsers not to guess media types, and pages of other origins not to embed its answers", async () => {
    for (const target of ["/health", "/data/good", "/nothing", "/graphql", "/"]) {
      const text = await exchange(cluster.origin, http("GET", target));
      expect(text).toContain("x-content-type-options: nosniff\r\n");
      expect(text).toContain("cross-origin-resource-policy: same-origin\r\n");
    }
  });

  it("has lost no process and logged no fault", () => {
    for (const name of ["gateway", ...cluster.nodeNames]) {
      const { isRunning, stdout, stderr } = cluster.run(name);
      expect(isRunning).toBe(true);
      expect(stdout + stderr).not.toMatch(/unhandled|INTERNAL_SERVER_ERROR|"level":[56]0/i);
    }
  });
});
