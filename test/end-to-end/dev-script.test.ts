/** `npm run dev`, which runs the program from the current sources, on a copy of them. */
import { cpSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, expect, it } from "vitest";
import { eventually, repository, Run, temporaryFolder } from "../support/processes.js";

const copy = temporaryFolder();
/** Compiling takes seconds, and much longer beside other tests. */
const buildMs = 120_000;
let run: Run | null = null;
afterEach(async () => {
  await run?.stop();
  copy.remove();
});

function edit(file: string, from: string, to: string): void {
  const target = path.join(copy.path, file);
  const text = readFileSync(target, "utf8");
  expect(text).toContain(from);
  writeFileSync(target, text.replace(from, to));
}

it(
  "restarts the program when a source changes, and leaves it running while the sources do not compile",
  async () => {
    for (const name of ["src", "schema", "package.json", "tsconfig.json", "tsconfig.build.json"]) {
      cpSync(path.join(repository, name), path.join(copy.path, name), { recursive: true });
    }
    symlinkSync(path.join(repository, "node_modules"), path.join(copy.path, "node_modules"));
    const args = ["run", "--silent", "dev", "--", "--port", "0", "--nodes", "1", "--engine", "memory"];
    run = new Run("npm", args, {}, copy.path);
    const [, first = ""] = await run.prints(/^ready (\S+)\/graphql$/m, buildMs);

    edit("src/cli/serve/dev/dev-cluster.ts", "`ready ${origin}", "`ready anew ${origin}");
    const [, second = ""] = await run.prints(/^ready anew (\S+)\/graphql$/m, buildMs);
    await expect(fetch(`${first}/health`)).rejects.toThrow();

    edit("src/cli/serve/dev/dev-cluster.ts", "`ready anew", "`ready anew ${missing}");
    await eventually(() => expect(run?.stderr).toContain("The build failed"), buildMs);
    expect(run.stdout).toContain("Cannot find name 'missing'");
    expect((await fetch(`${second}/health`)).status).toBe(200);

    expect(await run.stop("SIGTERM")).toBe(0);
    await expect(fetch(`${second}/health`)).rejects.toThrow();
  },
  4 * buildMs,
);
