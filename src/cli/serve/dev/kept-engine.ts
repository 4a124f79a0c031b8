/**
 * Which engine keeps the data of a `dev` folder. Another one would serve an empty store in their place, so it is refused
 * before anything starts.
 */
import { existsSync } from "node:fs";
import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { EngineName } from "../../options/option.js";
import { CommandFailure } from "../../terminal/command-failure.js";
import { exitCodes } from "../../terminal/exit-code.js";
import { postgresFolder } from "./postgres-folder.js";

/** Throws CommandFailure when the data in `data` are kept by another engine than `engine`. */
export async function refuseOtherEngine(data: string, engine: EngineName): Promise<void> {
  const kept = await keptEngine(data);
  if (kept === null || kept.engine === engine || (engine === "memory" && kept.engine === "lmdb")) return;
  const message =
    `The data of ${data} are kept by the engine ${kept.engine}, in ${kept.place}. Start with \`--engine ${kept.engine}\`, or with ` +
    "another `--data` folder. To bring the data over, run `shardgate export` with the one and `shardgate import` with the other.";
  throw new CommandFailure(message, exitCodes.usage);
}

/** To be called before a storage node writes to the PostgreSQL of the folder, which exists by then. */
export async function keepInPostgres(data: string): Promise<void> {
  await writeFile(
    markPath(data),
    "The storage nodes keep their data in this PostgreSQL: shardgate dev --engine postgres\n",
  );
}

async function keptEngine(data: string): Promise<{ readonly engine: EngineName; readonly place: string } | null> {
  if (existsSync(markPath(data))) return { engine: "postgres", place: postgresFolder(data) };
  const names = await readdir(data).catch(() => []);
  const lmdb = names.map((name) => join(data, name)).find((folder) => existsSync(join(folder, "data.mdb")));
  return lmdb === undefined ? null : { engine: "lmdb", place: lmdb };
}

function markPath(data: string): string {
  return join(postgresFolder(data), "has-data");
}
