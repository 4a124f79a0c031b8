/**
 * The engine of a storage node, chosen by its options: LMDB in a folder that is locked first, a shared store in
 * PostgreSQL, or memory. Modules that only one of them needs are loaded on demand.
 */
import { join } from "node:path";
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { StorageEngine } from "../../storage/engine.js";
import { LmdbEngine } from "../../storage/lmdb/lmdb-engine.js";
import { MemoryEngine } from "../../storage/memory/memory-engine.js";
import { lockFolder } from "../files/file-lock.js";
import { makeFolder } from "../files/make-folder.js";
import { awaitedStore, untilServersAnswer, type WaitParts } from "../servers/awaited-servers.js";
import { postgresAccess, type PostgresPlace } from "../servers/postgres-place.js";
import { openServerAccess, type ServerAccessParts } from "../servers/server-options.js";
import { storeFiles, type StoreOptions } from "./store-option.js";

export interface EngineOptions extends StoreOptions {
  readonly id: string;
  readonly data: string;
}

export interface EngineParts extends ServerAccessParts, WaitParts {
  readonly clock: Clock;
  readonly log: Log;
  /** The primary process of this worker has the folder's lock. */
  readonly isWorker: boolean;
}

export interface OpenedEngine {
  readonly engine: StorageEngine;
  /** To be called when the engine is closed. */
  release(): Promise<void>;
}

/** Waits for a database until it answers. Throws StoppedWaiting, CommandFailure, and what the engines throw. */
export function openEngine(options: EngineOptions, parts: EngineParts): Promise<OpenedEngine> {
  const { engine, store } = options;
  if (engine === "memory") return Promise.resolve({ engine: new MemoryEngine(), release: async () => {} });
  return store === undefined ? openLmdb(options, parts) : openPostgres(store, options, parts);
}

/** Nothing is opened before the folder is locked, by this process or, for a worker, by its primary. */
async function openLmdb(options: EngineOptions, { isWorker, clock }: EngineParts): Promise<OpenedEngine> {
  const folder = await makeDataFolder(options);
  const lock = isWorker ? null : await lockFolder(folder, clock);
  const release = async (): Promise<void> => lock?.release();
  try {
    return { engine: await LmdbEngine.open(folder), release };
  } catch (error) {
    await release();
    throw error;
  }
}

async function openPostgres(place: PostgresPlace, options: EngineOptions, parts: EngineParts): Promise<OpenedEngine> {
  const { PostgresEngine } = await import("../../storage/postgres/postgres-engine.js");
  const { clock, log } = parts;
  const { tls, password } = await openServerAccess(storeFiles(options), parts);
  const access = postgresAccess(place, { tls, password });
  const open = (): Promise<StorageEngine> =>
    PostgresEngine.open({ ...access, schema: place.schema, node: options.id, clock, log });
  try {
    return { engine: await untilServersAnswer(open, awaitedStore, parts), release: () => tls.close() };
  } catch (error) {
    await tls.close();
    throw error;
  }
}

/** The folder in which a storage node with LMDB has its files. */
export async function makeDataFolder({ data, id }: Pick<EngineOptions, "data" | "id">): Promise<string> {
  const folder = join(data, id);
  await makeFolder(folder);
  return folder;
}
