/** The client as a browser loads it: built into one small file that uses only web APIs. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import vm from "node:vm";
import { gzipSync } from "node:zlib";
import { build, type Rolldown } from "vite";
import { describe, expect, it } from "vitest";

const repository = path.resolve(import.meta.dirname, "../..");
const entry = path.join(repository, "src/client/index.ts");

async function bundle(format: "es" | "iife"): Promise<Rolldown.OutputChunk> {
  const result = await build({
    configFile: false,
    logLevel: "error",
    root: repository,
    build: { lib: { entry, formats: [format], name: "shardgate" }, write: false, minify: true, target: "es2022" },
  });
  const [output] = result as Rolldown.RolldownOutput[];
  const [chunk, ...rest] = output?.output ?? [];
  if (chunk === undefined || rest.length > 0) throw new Error("The build made another number of files than one.");
  return chunk;
}

describe("the bundled client", () => {
  it("has less than 8 kB when compressed, and imports nothing", async () => {
    const { code, imports, dynamicImports } = await bundle("es");
    expect(gzipSync(code).length).toBeLessThan(8_000);
    expect([...imports, ...dynamicImports]).toEqual([]);
    expect(code).not.toMatch(/node:|\bprocess\b|\brequire\b|\bBuffer\b/);
  });

  it("runs with only the language and web APIs", async () => {
    const { code } = await bundle("iife");
    const bodies: string[] = [];
    const fetch = (_url: string, { body }: { body: string }): Promise<Response> => {
      bodies.push(body);
      return Promise.resolve(
        Response.json({ data: { result: [{ __typename: "KeyNotFound", code: "KEY_NOT_FOUND" }] } }),
      );
    };
    const web = { fetch, AbortController, setTimeout, clearTimeout, structuredClone };
    const context = vm.createContext(web);
    vm.runInContext(code, context);
    const outcome = vm.runInContext(
      'shardgate.createClient({ endpoint: "/graphql" }).get("a")',
      context,
    ) as Promise<unknown>;
    expect(await outcome).toMatchObject({ kind: "notFound", key: "a" });
    expect(bodies).toHaveLength(1);
  });
});

it("compiles without Node's types", () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "shardgate-test-"));
  try {
    const settings = JSON.parse(readFileSync(path.join(repository, "tsconfig.json"), "utf8")) as {
      compilerOptions: object;
    };
    const compilerOptions = { ...settings.compilerOptions, types: [], lib: ["es2023", "dom"] };
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: [entry] }));
    const compiler = path.join(repository, "node_modules/typescript/bin/tsc");
    expect(execFileSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" })).toBe("");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
