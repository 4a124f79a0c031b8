import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ShardgateError } from "../../../src/core/error.js";
import type { JsonEntry } from "../../../src/core/entry.js";
import { compareKeys, keyProblem, parseKey } from "../../../src/core/key.js";
import { parseJsonText } from "../../../src/core/text/json-text.js";
import { expiryMsMax, shardCountMax, ttlSecondsMax } from "../../../src/core/limits.js";
import type { Operation, Outcome, RoutedOperation, OperationCondition } from "../../../src/core/operation.js";
import { parseShard } from "../../../src/core/shard.js";
import { parseVersion } from "../../../src/core/version.js";
import {
  decodeBatchAnswer,
  decodeBatchRequest,
  encodeBatchAnswer,
  encodeBatchRequest,
} from "../../../src/wire/batch/batch-body.js";

const key = fc
  .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
  .filter((text) => keyProblem(text) === null)
  .map(parseKey);
const shard = fc.integer({ min: 0, max: shardCountMax - 1 }).map((number) => parseShard(number));
const value = fc.json().map(parseJsonText);
const version = fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map((number) => parseVersion(String(number)));
const moment = fc.option(fc.integer({ min: -8.64e15, max: 8.64e15 }));
const condition = fc.option<OperationCondition>(
  fc.oneof(
    fc.record({ kind: fc.constant("ifVersion" as const), version }),
    fc.constant<OperationCondition>({ kind: "ifAbsent" }),
    fc.constant<OperationCondition>({ kind: "ifPresent" }),
  ),
);
const expiry = fc.option(
  fc.oneof(
    fc.record({ kind: fc.constant("ttl" as const), seconds: fc.integer({ min: 1, max: ttlSecondsMax }) }),
    fc.record({ kind: fc.constant("at" as const), atMs: fc.integer({ min: -8.64e15, max: expiryMsMax }) }),
  ),
);
const operation = fc.oneof(
  fc.record({ kind: fc.constant("get" as const), shard, key }),
  fc.record({ kind: fc.constant("put" as const), shard, key, value, expiry, condition }),
  fc.record({ kind: fc.constant("delete" as const), shard, key, condition }),
  fc.record({
    kind: fc.constant("scan" as const),
    shard,
    prefix: fc.string(),
    after: fc.option(fc.string()),
    before: fc.option(fc.string()),
    limit: fc.integer({ min: 1, max: 1000 }),
    bytesMax: fc.integer({ min: 1, max: 8 * 1024 * 1024 }),
    isReverse: fc.boolean(),
  }),
);
const routed: fc.Arbitrary<RoutedOperation> = fc.record({ operation, epoch: fc.option(fc.nat()) });
const facts = { version: fc.option(version), createdAtMs: moment, updatedAtMs: moment, expiresAtMs: moment };
const entryOf = (entryKey: fc.Arbitrary<ReturnType<typeof parseKey>>) => fc.record({ key: entryKey, value, ...facts });

/** An operation with one of its possible outcomes. */
const answered = routed.chain((request) => {
  const refused = fc.record({
    kind: fc.constant("refused" as const),
    code: fc.constantFrom("STALE_EPOCH" as const, "DRAINING" as const),
    message: fc.string(),
    epoch: fc.option(fc.nat()),
  });
  const notFound = fc.constant<Outcome>({ kind: "notFound" });
  const { operation: asked } = request;
  const own = asked.kind === "scan" ? key : fc.constant(asked.key);
  const conflict = fc.record({ kind: fc.constant("conflict" as const), current: fc.option(entryOf(own)) });
  const outcome: fc.Arbitrary<Outcome> = {
    get: fc.oneof(refused, notFound, fc.record({ kind: fc.constant("found" as const), entry: entryOf(own) })),
    put: fc.oneof(
      refused,
      conflict,
      fc.record({ kind: fc.constant("written" as const), isNew: fc.boolean(), facts: fc.record(facts) }),
    ),
    delete: fc.oneof(
      refused,
      notFound,
      conflict,
      fc.record({ kind: fc.constant("deleted" as const), version: fc.option(version) }),
    ),
    scan: fc.oneof(
      refused,
      fc.record({ kind: fc.constant("page" as const), hasMore: fc.boolean(), entries: pageEntries(asked) }),
    ),
  }[asked.kind];
  // Which keys may be on the page of a narrower scan is tested with scan-page.
  const all = asked.kind === "scan" ? { ...asked, prefix: "", after: null, before: null } : asked;
  return fc.record({ request: fc.constant({ ...request, operation: all }), outcome });
});

/** In order, and at least one, so that more may follow. */
function pageEntries(asked: Operation): fc.Arbitrary<readonly JsonEntry[]> {
  if (asked.kind !== "scan") return fc.constant([]);
  const { isReverse, limit } = asked;
  return fc
    .uniqueArray(entryOf(key), { minLength: 1, maxLength: limit, selector: (entry) => entry.key })
    .map((entries) => entries.toSorted((a, b) => (isReverse ? -1 : 1) * compareKeys(a.key, b.key)));
}

const get: RoutedOperation = {
  operation: { kind: "get", shard: parseShard(2), key: parseKey("user123") },
  epoch: 3,
};
const unreadable = expect.objectContaining({ code: "BAD_REQUEST", message: expect.stringContaining("cannot be read") });

/** The same body in another form of JSON, which only the general decoder accepts. */
function respelled(body: Buffer): Buffer {
  const end = body.indexOf("\n");
  return Buffer.concat([Buffer.from(` ${body.toString("utf8", 0, end)}`), body.subarray(end)]);
}

/** The result of `read`, or its error. */
function result<T>(read: () => T): T | { readonly code: string; readonly message: string } {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ShardgateError)) throw error;
    return faultOf(error);
  }
}

/** Without the part about the head's text, which differs between the two forms. */
function faultOf({ code, message }: ShardgateError): { readonly code: string; readonly message: string } {
  return { code, message: message.replace(/is not JSON: .*/, "is not JSON") };
}

/** A body with one character removed, added or changed. */
const damage = fc.record({
  place: fc.double({ min: 0, max: 1, noNaN: true }),
  removed: fc.nat({ max: 3 }),
  put: fc.constantFrom("", "0", "1", "9", "-", ".", "e", '"', "\\", ",", ":", "{", "}", "]", " ", "\n", "é", "\u0000"),
});
type Damage = typeof damage extends fc.Arbitrary<infer Value> ? Value : never;

function damaged(body: Buffer, { place, removed, put }: Damage): Buffer {
  const at = Math.floor(place * body.length);
  return Buffer.concat([body.subarray(0, at), Buffer.from(put), body.subarray(at + removed)]);
}

describe("a batch request", () => {
  it("decodes to what was encoded", () => {
    fc.assert(
      fc.property(fc.array(routed), (operations) => {
        expect(decodeBatchRequest(encodeBatchRequest(operations))).toEqual(operations);
      }),
    );
  });

  it("means the same in the usual form and in any other, even when it is damaged", () => {
    fc.assert(
      fc.property(fc.array(routed, { maxLength: 4 }), damage, fc.boolean(), (operations, how, areChecked) => {
        const body = damaged(encodeBatchRequest(operations), how);
        const other = respelled(body);
        const decoded = (sent: Buffer) =>
          result(() =>
            decodeBatchRequest(sent, areChecked).map((item) => (item instanceof ShardgateError ? faultOf(item) : item)),
          );
        expect(decoded(body)).toEqual(decoded(other));
      }),
      { numRuns: 2000 },
    );
  });

  it("is one line of JSON followed by the values, as documented", () => {
    const put: RoutedOperation = {
      operation: {
        kind: "put",
        shard: parseShard(0),
        key: parseKey("k"),
        value: parseJsonText('{"a":\n1}'),
        expiry: null,
        condition: null,
      },
      epoch: null,
    };
    expect(encodeBatchRequest([get, put]).toString()).toBe(
      '{"operations":[{"op":"get","shard":2,"epoch":3,"key":"user123"},{"op":"put","shard":0,"key":"k","valueBytes":8}]}\n{"a":\n1}',
    );
  });

  it("refuses one bad operation and keeps the others and their values", () => {
    const head = {
      operations: [
        { op: "put", shard: 0, key: "a", valueBytes: 1 },
        { op: "put", shard: 0, key: "..", valueBytes: 2 },
        { op: "put", shard: 0, key: "bad", valueBytes: 3 },
        { op: "put", shard: 99_999, key: "b", valueBytes: 1 },
        { op: "grow", shard: 0 },
        { op: "put", shard: 0, key: "c", valueBytes: 1, ttlSeconds: 0 },
        { op: "put", shard: 0, key: "c", valueBytes: 1, expiresAt: "soon" },
        { op: "put", shard: 0, key: "c", valueBytes: 1, ttlSeconds: ttlSecondsMax + 1 },
        { op: "put", shard: 0, key: "c", valueBytes: 1, expiresAt: expiryMsMax + 1 },
        { op: "put", shard: 0, key: "c", valueBytes: 1, ifVersion: "0" },
        { op: "delete", shard: 0, key: "c", ifAbsent: 1 },
        { op: "delete", shard: 0, key: "c", ifPresent: "true" },
        { op: "delete", shard: 0, key: "c", ifVersion: "1", ifPresent: true },
        { op: "get", shard: 0, key: 7 },
        { op: "get", shard: 0, key: "k", epoch: -1 },
        { op: "scan", shard: 0, limit: 0 },
        { op: "scan", shard: 0, limit: 5, bytesMax: 0 },
        { op: "scan", shard: 0, limit: 5, after: 3 },
        { op: "put", shard: 0, key: "z", valueBytes: 1 },
      ],
    };
    const decoded = decodeBatchRequest(Buffer.from(`${JSON.stringify(head)}\n122{]}4560078`));
    const codes = decoded.map((item) => (item instanceof ShardgateError ? item.code : item.operation));
    expect(codes).toEqual([
      expect.objectContaining({ key: "a", value: "1" }),
      "INVALID_KEY",
      "INVALID_VALUE",
      "SHARD_NOT_FOUND",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      "BAD_REQUEST",
      expect.objectContaining({ key: "z", value: "8" }),
    ]);
  });

  it.each([
    ["", "no newline"],
    ["{", "no newline"],
    ["{\n", "not JSON"],
    ["[]\n", "object is missing"],
    ["{}\n", "`operations` is not an array"],
    ['{"operations":[7]}\n', "object is missing"],
    ['{"operations":[{"op":"put","shard":0,"key":"k","valueBytes":2}]}\n1', "ends inside a value"],
    ['{"operations":[{"op":"put","shard":0,"key":"k","valueBytes":-1}]}\n1', "not a length"],
    ['{"operations":[{"op":"put","shard":0,"key":"k"}]}\n1', "not a length"],
    ['{"operations":[]}\n1', "left behind"],
  ])("is refused as a whole when it is %j", (body, phrase) => {
    expect(() => decodeBatchRequest(Buffer.from(body))).toThrowError(unreadable);
    expect(() => decodeBatchRequest(Buffer.from(body))).toThrowError(phrase);
  });

  it("is refused as a whole with more than 1000 operations", () => {
    const body = encodeBatchRequest(Array.from({ length: 1001 }, () => get));
    expect(() => decodeBatchRequest(body)).toThrowError(expect.objectContaining({ code: "TOO_MANY_KEYS" }));
  });
});

describe("a batch answer", () => {
  it("means the same in the usual form and in any other, even when it is damaged", () => {
    fc.assert(
      fc.property(fc.array(answered, { maxLength: 4 }), damage, (pairs, how) => {
        const operations = pairs.map(({ request }) => request);
        const body = damaged(encodeBatchAnswer(pairs.map(({ outcome }) => outcome)), how);
        const decoded = (sent: Buffer) => result(() => decodeBatchAnswer(sent, operations));
        expect(decoded(body)).toEqual(decoded(respelled(body)));
      }),
      { numRuns: 2000 },
    );
  });

  it("decodes to what was encoded", () => {
    fc.assert(
      fc.property(fc.array(answered), (pairs) => {
        const body = encodeBatchAnswer(pairs.map(({ outcome }) => outcome));
        expect(
          decodeBatchAnswer(
            body,
            pairs.map(({ request }) => request),
          ),
        ).toEqual(pairs.map(({ outcome }) => outcome));
      }),
    );
  });

  it.each([
    ['{"outcomes":[]}\n', "0 outcomes answer 1 operations"],
    ['{"outcomes":[{"status":204}]}\n', "does not answer a get"],
    ['{"outcomes":[{"status":200}]}\n', "not a length"],
    ['{"outcomes":[{"status":200,"valueBytes":9}]}\n1', "ends inside a value"],
    ['{"outcomes":[{"status":404}]}\n1', "left behind"],
    ['{"outcomes":[{"status":0,"code":"NEW_CODE"}]}\n', "is unknown"],
    ["<html>\n", "not JSON"],
  ])("is refused when it is %j", (body, phrase) => {
    expect(() => decodeBatchAnswer(Buffer.from(body), [get])).toThrowError(unreadable);
    expect(() => decodeBatchAnswer(Buffer.from(body), [get])).toThrowError(phrase);
  });

  it("may omit the message of a refusal", () => {
    expect(decodeBatchAnswer(Buffer.from('{"outcomes":[{"status":0,"code":"DRAINING"}]}\n'), [get])).toEqual([
      { kind: "refused", code: "DRAINING", message: "DRAINING", epoch: null },
    ]);
  });
});
