import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { copyExample, startExample, type Example } from "../support/example.js";
import { repository } from "../support/processes.js";

const output = `wrote city/Oslo
wrote city/Lima
city/Oslo {"people":709037}
KEY_NOT_FOUND
city/Lima {"people":10092000}
`;
const manifest = `${repository}/examples/codegen/src/generated/persisted-documents.json`;

let example: Example;
beforeAll(async () => {
  example = await startExample("codegen", "--persisted-documents", manifest);
});
afterAll(async () => example.stop());

describe("the codegen example", () => {
  it("has the files that codegen generates from the schema (run its generate script when this fails)", async () => {
    const committed = example.generatedFiles();
    example.removeGeneratedFiles();
    const run = await example.run("generate");
    expect(await run.ended(), run.stderr).toBe(0);
    expect(example.generatedFiles()).toEqual(committed);
  });

  it("compiles in strict mode, writes cities and reads them back", async () => {
    const run = await example.run("start");
    expect(run.stdout).toBe(output);
    expect(await run.ended()).toBe(0);
  });

  it("sends document ids instead of documents", async () => {
    const run = await example.run("start", "--persisted");
    expect(run.stdout).toBe(output);
    expect(await run.ended()).toBe(0);
  });

  it("does not compile with an unknown name", async () => {
    const broken = copyExample("codegen", "");
    broken.replace("main.ts", "outcome.code", "outcome.reason");
    const run = await broken.run("start");
    expect(run.stdout).toMatch(/main\.ts.* TS2339: Property 'reason' does not exist/);
    expect(await run.ended()).not.toBe(0);
    await broken.stop();
  });
});

it("the codegen example types the version and the expiry of an entry as texts", async () => {
  const typed = copyExample("codegen", "");
  typed.replace("main.ts", "key\n        value\n", "key\n        value\n        version\n        expiresAt\n");
  typed.replace("main.ts", "const { entries }", "const numbers: number[] = [];\nconst { entries }");
  const pushes = "numbers.push(outcome.version), numbers.push(outcome.expiresAt)";
  typed.replace("main.ts", "console.log(outcome.key,", `(${pushes}, console.log)(outcome.key,`);
  const generated = await typed.run("generate");
  expect(await generated.ended(), generated.stderr).toBe(0);
  const run = await typed.run("start");
  const complaint = "Argument of type 'string | null' is not assignable to parameter of type 'number'";
  expect(run.stdout.split("\n").filter((line) => line.includes(complaint))).toHaveLength(2);
  await typed.stop();
});

describe("a gateway with --persisted-only", () => {
  let strict: Example;
  beforeAll(async () => {
    strict = await startExample("codegen", "--persisted-documents", manifest, "--persisted-only");
  });
  afterAll(async () => strict.stop());

  it("serves the documents of the manifest", async () => {
    const run = await strict.run("start", "--persisted");
    expect(run.stdout).toBe(output);
    expect(await run.ended()).toBe(0);
  });

  it("refuses any other document", async () => {
    const own = await strict.run("start");
    expect(await own.ended()).toBe(1);
    expect(own.stdout).toBe("");
    expect(own.stderr).toContain("PERSISTED_DOCUMENT_REQUIRED");

    strict.replace("generated/graphql.ts", '{"hash":"sha256:', '{"hash":"sha256:0');
    const unknown = await strict.run("start", "--persisted");
    expect(await unknown.ended()).toBe(1);
    expect(unknown.stdout).toBe("");
    expect(unknown.stderr).toContain("PERSISTED_DOCUMENT_NOT_FOUND");
  });
});
