import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { keepInPostgres, refuseOtherEngine } from "../../../../src/cli/serve/dev/kept-engine.js";
import { postgresFolder } from "../../../../src/cli/serve/dev/postgres-folder.js";
import { temporaryFolder } from "../../../support/processes.js";

let folder: ReturnType<typeof temporaryFolder>;

beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(() => folder.remove());

function addLmdb(): string {
  const node = join(folder.path, "node1");
  mkdirSync(node);
  writeFileSync(join(node, "data.mdb"), "");
  return node;
}

async function addPostgres(): Promise<string> {
  mkdirSync(postgresFolder(folder.path));
  await keepInPostgres(folder.path);
  return postgresFolder(folder.path);
}

describe("the engine of a dev folder", () => {
  it("is any as long as the folder has no data", async () => {
    mkdirSync(postgresFolder(folder.path));
    for (const engine of ["lmdb", "postgres", "memory"] as const) await refuseOtherEngine(folder.path, engine);
    await refuseOtherEngine(join(folder.path, "none"), "postgres");
  });

  it("stays LMDB once a storage node has a folder there", async () => {
    const node = addLmdb();
    await refuseOtherEngine(folder.path, "lmdb");
    await expect(refuseOtherEngine(folder.path, "postgres")).rejects.toThrow(
      `The data of ${folder.path} are kept by the engine lmdb, in ${node}. Start with \`--engine lmdb\`, or with another ` +
        "`--data` folder. To bring the data over, run `shardgate export` with the one and `shardgate import` with the other.",
    );
  });

  it.each(["lmdb", "memory"] as const)("stays PostgreSQL once the data are there, and is not %s", async (engine) => {
    const place = await addPostgres();
    await refuseOtherEngine(folder.path, "postgres");
    await expect(refuseOtherEngine(folder.path, engine)).rejects.toThrow(`kept by the engine postgres, in ${place}.`);
  });
});
