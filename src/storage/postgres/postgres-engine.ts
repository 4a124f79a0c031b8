/** Stub. */
import type { StorageEngine } from "../engine.js";
export const PostgresEngine = { open: (_: object): Promise<StorageEngine> => Promise.reject(new Error("stub")) };
