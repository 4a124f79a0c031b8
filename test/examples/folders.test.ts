/** What all folders of examples/ have in common. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, it } from "vitest";
import { repository } from "../support/processes.js";

const examples = path.join(repository, "examples");
const names = readdirSync(examples, { withFileTypes: true })
  .filter((one) => one.isDirectory())
  .map(({ name }) => name);

const readJson = (file: string): unknown => JSON.parse(readFileSync(file, "utf8"));

describe.each(names)("examples/%s", (name) => {
  const folder = path.join(examples, name);

  it("has a README of its own and a line in the common README", () => {
    expect(existsSync(path.join(folder, "README.md"))).toBe(true);
    expect(readFileSync(path.join(examples, "README.md"), "utf8")).toContain(`](${name}/README.md)`);
  });

  it("is a private package whose dependencies have exact versions", () => {
    const manifest = readJson(path.join(folder, "package.json")) as {
      private?: boolean;
      dependencies?: Record<string, string>;
      devDependencies?: Record<string, string>;
    };
    expect(manifest.private).toBe(true);
    for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    }
  });
});

const inTypeScript = names.filter((name) => existsSync(path.join(examples, name, "src/main.ts")));

it.each(inTypeScript)("examples/%s is compiled in strict mode", (name) => {
  const { compilerOptions } = readJson(path.join(examples, name, "tsconfig.json")) as { compilerOptions: object };
  expect(compilerOptions).toMatchObject({ strict: true, noUncheckedIndexedAccess: true });
});
