/** Compares the client's documents and types with the schema, so that they cannot diverge. */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { buildSchema, getNamedType, isObjectType, isUnionType, parse, validate } from "graphql";
import { describe, expect, it } from "vitest";
import { clientDocuments } from "../../src/client/index.js";
import { scanPageEntries } from "../../src/client/entry-scan.js";
import { callTimeoutMs } from "../../src/client/options.js";
import { requestKeysMax } from "../../src/client/request/repeat.js";
import { problemKinds } from "../../src/client/request/raw-result.js";
import { batchKeysMax, pageEntriesMax, requestTimeoutMs } from "../../src/core/limits.js";
import { parsePersistedDocuments } from "../../src/gateway/graphql/request/persisted-documents.js";

const folder = path.resolve(import.meta.dirname, "../../schema");
const texts = readdirSync(folder).map((file) => readFileSync(path.join(folder, file), "utf8"));
const schema = buildSchema(texts.join("\n"));

describe("the client's documents", () => {
  it.each(Object.entries(clientDocuments))("are valid: %s", (_name, document) => {
    expect(validate(schema, parse(document))).toEqual([]);
  });

  it("are a manifest of persisted documents", () => {
    expect(parsePersistedDocuments(JSON.stringify(clientDocuments)).size).toBeGreaterThan(0);
  });

  it("select from every result union, and cover all of its problems", () => {
    const unions = Object.values(schema.getTypeMap()).filter(isUnionType);
    const problems = unions
      .flatMap((union) => union.getTypes())
      .filter((type) => isObjectType(type) && type.getInterfaces().some(({ name }) => name === "Problem"))
      .map(({ name }) => name);
    expect(new Set(problems)).toEqual(new Set(Object.keys(problemKinds)));
  });

  it("select a problem's shard and entry wherever it has one", () => {
    const all = Object.values(clientDocuments).join("\n");
    for (const name of Object.keys(problemKinds)) {
      const type = schema.getType(name);
      if (!isObjectType(type)) throw new Error(`${name} is no object type.`);
      for (const field of Object.values(type.getFields())) {
        if (isObjectType(getNamedType(field.type))) expect(all).toContain(`... on ${name} { ${field.name} {`);
      }
    }
  });
});

describe("the client's bounds", () => {
  it("are within the gateway's", () => {
    expect(requestKeysMax).toBe(batchKeysMax);
    expect(scanPageEntries).toBeLessThanOrEqual(pageEntriesMax);
    expect(callTimeoutMs).toBe(3 * requestTimeoutMs);
  });
});
