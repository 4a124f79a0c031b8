import { readFileSync } from "node:fs";
import path from "node:path";
import { generate } from "@graphql-codegen/cli";
import { buildSchema, isIntrospectionType, isObjectType, isInterfaceType, isInputObjectType } from "graphql";
import { describe, expect, it } from "vitest";
import codegen from "../../codegen.js";
import { batchKeysMax, pageEntriesDefault, pageEntriesMax } from "../../src/core/limits.js";
import { errorRules } from "../../src/core/error.js";
import { typeDefs } from "../../src/gateway/graphql/generated/type-defs.js";

const root = path.resolve(import.meta.dirname, "../..");

describe("src/gateway/graphql/generated/", () => {
  it("is the output of codegen.ts for schema/ (run the codegen script when this fails)", async () => {
    const files: readonly { filename: string; content: string }[] = await generate(
      { ...codegen, cwd: root, silent: true },
      false,
    );
    expect(files.map(({ filename }) => path.basename(filename)).toSorted()).toEqual([
      "resolver-types.ts",
      "type-defs.ts",
    ]);
    for (const { filename, content } of files) {
      expect(readFileSync(path.resolve(root, filename), "utf8")).toBe(content);
    }
  });
});

describe("the schema", () => {
  const schema = buildSchema(typeDefs);
  const types = Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type) && type.astNode);

  it("describes every type", () => {
    expect(types.filter(({ description }) => !description).map(({ name }) => name)).toEqual([]);
  });

  it("describes every field that an interface does not describe already", () => {
    const bare = types.flatMap((type) => {
      if (!isObjectType(type) && !isInterfaceType(type) && !isInputObjectType(type)) return [];
      const inherited = isObjectType(type) ? type.getInterfaces().flatMap((one) => Object.keys(one.getFields())) : [];
      const isKeyOfProblem = (field: string): boolean => inherited.includes("isRetryable") && field === "key";
      return Object.values(type.getFields())
        .filter(({ name, description }) => !description && !inherited.includes(name) && !isKeyOfProblem(name))
        .map(({ name }) => `${type.name}.${name}`);
    });
    expect(bare).toEqual([]);
  });

  it("repeats the limits of core/limits.ts", () => {
    const fields = { ...schema.getQueryType()?.getFields(), ...schema.getMutationType()?.getFields() };
    for (const name of ["entries", "nodes", "putMany", "deleteMany"]) {
      expect(fields[name]?.description).toContain(`at most ${batchKeysMax}`);
    }
    expect(fields["scan"]?.description).toContain(`at most ${pageEntriesMax}`);
    expect(fields["scan"]?.description).toContain(`first ${pageEntriesDefault}`);
  });

  it("has only problem codes of the closed list", () => {
    const values = schema.getType("ProblemCode")?.astNode;
    const codes = values?.kind === "EnumTypeDefinition" ? values.values?.map(({ name }) => name.value) : [];
    expect(codes?.length).toBeGreaterThan(0);
    expect(codes?.filter((code) => !Object.hasOwn(errorRules, code))).toEqual([]);
  });

  it("keeps root fields nullable, so that a failing field does not affect the others", () => {
    const roots = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.values(type?.getFields() ?? {}),
    );
    expect(roots.filter(({ type }) => String(type).endsWith("!")).map(({ name }) => name)).toEqual([]);
  });
});
