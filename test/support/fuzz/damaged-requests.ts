/** Good HTTP requests that were damaged on the way, byte by byte. */
import * as fc from "fast-check";
import { encodeBatchRequest } from "../../../src/wire/batch/batch-body.js";
import { batch, frame, upgradeHead } from "../frame-peer.js";
import { get, put, remove, routed, scan } from "../operations.js";
import { requestBytes } from "./request-bytes.js";

const json = { "content-type": "application/json" };

/** Good requests to a gateway, to be damaged. */
export const goodGatewayRequests: readonly Buffer[] = [
  requestBytes("GET", "/data/good"),
  requestBytes("PUT", "/data/damaged?ttl=100", { "if-none-match": "*" }, '{"a":[1,2.50,"x"]}'),
  requestBytes("PUT", "/data/damaged", { "transfer-encoding": "chunked" }, "5\r\n[1,2]\r\n0\r\n\r\n"),
  requestBytes("DELETE", "/data/damaged", { "if-match": '"7"' }),
  requestBytes("GET", "/graphql?query=%7Bget(key%3A%22good%22)%7Bvalue%7D%7D"),
  graphqlBytes('query ($k: String!) { entries(keys: [$k, "b"]) { ... on Entry { value } } }', '{"k":"good"}'),
  graphqlBytes('mutation ($v: JSON!) { put(key: "damaged", value: $v) { __typename } }', '{"v":{"a":[1.10,"é"]}}'),
  requestBytes("POST", "/nodes/ghost1/heartbeat", json, '{"mapVersion":1}'),
  requestBytes("GET", "/shards"),
  Buffer.concat([requestBytes("GET", "/data/good"), requestBytes("GET", "/health")]),
];

/** Good requests to a storage node, to be damaged. */
export const goodNodeRequests: readonly Buffer[] = [
  requestBytes("GET", "/shard/1/store/damaged"),
  requestBytes("PUT", "/shard/1/store/damaged?ttl=100", { "if-match": "*", "shard-epoch": "1" }, '{"a":[1,2.50]}'),
  requestBytes("DELETE", "/shard/1/store/damaged"),
  requestBytes("GET", "/shard/1/store?prefix=a&after=a&limit=10"),
  requestBytes(
    "POST",
    "/batch",
    {},
    encodeBatchRequest(
      [put("damaged", "[1,2]"), get("damaged"), scan(1), remove("damaged")].map((each) => routed(each)),
    ),
  ),
  requestBytes(
    "PUT",
    "/assignments",
    json,
    '{"clusterId":"fuzz","shardCount":4,"mapVersion":1,"shards":[{"shardId":1,"epoch":1}]}',
  ),
  requestBytes("GET", "/shards"),
  Buffer.concat([requestBytes("GET", "/shard/1/store/damaged"), requestBytes("GET", "/health")]),
  ...framesOf([
    frame("request", 1, batch([routed(put("damaged", "[1,2]"))])),
    frame("request", 2, batch([routed(get("damaged"))]).subarray(0, 20), true),
    frame("cancel", 1),
    frame("part", 2, batch([routed(get("damaged"))]).subarray(20)),
    frame("request", 3, batch([routed(scan(1)), routed(remove("damaged"))])),
  ]),
];

/** An upgrade and the frames behind it, in their order and in the other one. */
function framesOf(frames: readonly Buffer[]): readonly Buffer[] {
  const upgrade = Buffer.from(upgradeHead());
  return [Buffer.concat([upgrade, ...frames]), Buffer.concat([upgrade, ...frames.toReversed()])];
}

/** One of the good requests with up to four damages. */
export function damaged(good: readonly Buffer[]): fc.Arbitrary<Buffer> {
  const place = fc.nat({ max: 999 });
  const damage = fc.oneof(
    fc.record({ kind: fc.constant("set" as const), place, byte: fc.nat({ max: 255 }) }),
    fc.record({ kind: fc.constant("insert" as const), place, text: fc.constantFrom(...insertions) }),
    fc.record({ kind: fc.constant("remove" as const), place, length: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("repeat" as const), place, length: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ kind: fc.constant("splice" as const), place, other: fc.constantFrom(...good) }),
    fc.record({ kind: fc.constant("end" as const), place }),
  );
  return fc
    .tuple(fc.constantFrom(...good), fc.array(damage, { minLength: 1, maxLength: 4 }))
    .map(([bytes, damages]) => damages.reduce((current, next) => withDamage(current, next), bytes));
}

type Damage = { readonly place: number } & (
  | { readonly kind: "set"; readonly byte: number }
  | { readonly kind: "insert"; readonly text: string }
  | { readonly kind: "remove" | "repeat"; readonly length: number }
  | { readonly kind: "splice"; readonly other: Buffer }
  | { readonly kind: "end" }
);

/** `place` is in thousandths of the length, so that a damage fits whatever came before it. */
function withDamage(bytes: Buffer, damage: Damage): Buffer {
  const at = Math.floor((bytes.length * damage.place) / 1000);
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at)];
  switch (damage.kind) {
    case "set":
      return Buffer.concat([before, Buffer.from([damage.byte]), after.subarray(1)]);
    case "insert":
      return Buffer.concat([before, Buffer.from(damage.text, "latin1"), after]);
    case "remove":
      return Buffer.concat([before, after.subarray(damage.length)]);
    case "repeat":
      return Buffer.concat([before, after.subarray(0, damage.length), after]);
    case "splice":
      return Buffer.concat([before, damage.other.subarray(Math.min(at, damage.other.length))]);
    case "end":
      return before;
  }
}

const insertions: readonly string[] = [
  "\r\n",
  "\n",
  "\r",
  "\0",
  " ",
  "\t",
  "%",
  "%00",
  "%2F",
  "%ff",
  "%E0%80",
  "..",
  "/",
  "?",
  "#",
  "\xff",
  "\xc3\xa9",
  "\r\n\r\n",
  '"',
  "\\",
  "\\ud800",
  "{",
  "[",
  "-",
  "9".repeat(30),
  "A".repeat(20_000),
  "content-length: 5\r\n",

  "transfer-encoding: chunked\r\n",
  "expect: 100-continue\r\n",
  "upgrade: h2c\r\nconnection: upgrade\r\n",
  "HTTP/1.0",
];

function graphqlBytes(query: string, variables: string): Buffer {
  return requestBytes("POST", "/graphql", json, `{"query":${JSON.stringify(query)},"variables":${variables}}`);
}
