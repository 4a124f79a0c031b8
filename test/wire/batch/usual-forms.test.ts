import { afterEach, describe, expect, it, vi } from "vitest";
import { parseJsonText } from "../../../src/core/text/json-text.js";
import { parseKey } from "../../../src/core/key.js";
import type { Operation, Outcome, RoutedOperation } from "../../../src/core/operation.js";
import { parseShard } from "../../../src/core/shard.js";
import { parseVersion } from "../../../src/core/version.js";
import {
  decodeBatchAnswer,
  decodeBatchRequest,
  encodeBatchAnswer,
  encodeBatchRequest,
} from "../../../src/wire/batch/batch-body.js";

const at = { shard: parseShard(2), key: parseKey("user123") };
const version = parseVersion("4294967303");
const facts = { version, createdAtMs: 1_796_000_000_000, updatedAtMs: 1_796_000_000_001, expiresAtMs: null };
const bare = { kind: "put", ...at, value: parseJsonText('{"a":1}'), expiry: null, condition: null } as const;
const get: Operation = { kind: "get", ...at };
const remove: Operation = { kind: "delete", ...at, condition: null };

const operations: readonly (readonly [string, Operation])[] = [
  ["a get", get],
  ["a get of a key beyond ASCII", { kind: "get", ...at, key: parseKey("schlüssel😀") }],
  ["a put", bare],
  ["a put with a time to live", { ...bare, expiry: { kind: "ttl", seconds: 60 } }],
  ["a put with a moment of expiry", { ...bare, expiry: { kind: "at", atMs: 1_900_000_000_000 } }],
  ["a put on a version", { ...bare, condition: { kind: "ifVersion", version } }],
  ["a put of a new key", { ...bare, condition: { kind: "ifAbsent" } }],
  ["a put of a known key", { ...bare, expiry: { kind: "ttl", seconds: 1 }, condition: { kind: "ifPresent" } }],
  ["a delete", remove],
  ["a delete on a version", { kind: "delete", ...at, condition: { kind: "ifVersion", version } }],
];

const outcomes: readonly (readonly [string, Operation, Outcome])[] = [
  ["a found entry", get, { kind: "found", entry: { key: at.key, value: bare.value, ...facts } }],
  [
    "an entry that expires",
    get,
    { kind: "found", entry: { key: at.key, value: bare.value, ...facts, expiresAtMs: 1 } },
  ],
  ["nothing found", get, { kind: "notFound" }],
  ["a new entry", bare, { kind: "written", isNew: true, facts }],
  ["a replaced entry", bare, { kind: "written", isNew: false, facts: { ...facts, expiresAtMs: 1_900_000_000_000 } }],
  ["a deleted entry", remove, { kind: "deleted", version }],
  ["nothing deleted", remove, { kind: "notFound" }],
];

afterEach(() => {
  vi.restoreAllMocks();
});

describe("the usual forms of a batch are read without JSON.parse", () => {
  it.each(operations)("%s", (_, operation) => {
    const batch: RoutedOperation[] = [
      { operation, epoch: 3 },
      { operation, epoch: null },
    ];
    const body = encodeBatchRequest(batch);
    const parse = vi.spyOn(JSON, "parse");
    expect(decodeBatchRequest(body, true)).toEqual(batch);
    expect(parse).not.toHaveBeenCalled();
  });

  it.each(outcomes)("%s", (_, operation, outcome) => {
    const asked = { operation, epoch: null };
    const body = encodeBatchAnswer([outcome, outcome]);
    const parse = vi.spyOn(JSON, "parse");
    expect(decodeBatchAnswer(body, [asked, asked])).toEqual([outcome, outcome]);
    expect(parse).not.toHaveBeenCalled();
  });
});
