/**
 * Reads a whole data folder offline and compares everything in it: checksums, counts, sizes, digests, the index of changes
 * and the order of expiry against the entries and back, tombstones against entries, sequences. Nothing is changed.
 */
import type { Key } from "../../../core/key.js";
import type { ShardNumber } from "../../../core/shard.js";
import { checkLmdbFolder } from "../folder/folder.js";
import { openDatabasesReadOnly, type Databases } from "../records/databases.js";
import { storageError } from "../folder/failure.js";
import { FolderCheck } from "./folder-check.js";

/** Problems that a check of a data folder lists one by one; further ones are only counted. */
export const verifyProblemsMax = 1_000;

export interface FolderProblem {
  /** Null: of the folder as a whole. */
  readonly shard: ShardNumber | null;
  /** Null: of the shard as a whole. */
  readonly key: Key | null;
  /** What is wrong, as a sentence. */
  readonly what: string;
}

export interface FolderReport {
  /** Shards that were ever claimed or written. */
  readonly shards: number;
  readonly entries: number;
  readonly tombstones: number;
  /** Of the entries' keys and values. */
  readonly bytes: number;
  /** At most `verifyProblemsMax`. */
  readonly problems: readonly FolderProblem[];
  readonly problemCount: number;
}

/**
 * Throws STORAGE_FAILED, with the folder and what to do, when the folder cannot be read, is damaged so that LMDB refuses
 * it, or was written by another version. No process may write to the folder meanwhile.
 */
export async function verifyLmdbFolder(folder: string): Promise<FolderReport> {
  await checkLmdbFolder(folder);
  try {
    const databases = await openDatabasesReadOnly(folder);
    try {
      return report(databases);
    } finally {
      await databases.root.close();
    }
  } catch (error) {
    throw await storageError(error, folder);
  }
}

function report(databases: Databases): FolderReport {
  const problems: FolderProblem[] = [];
  let problemCount = 0;
  const check = new FolderCheck(databases, (problem) => {
    problemCount++;
    if (problems.length < verifyProblemsMax) problems.push(problem);
  });
  const figures = check.all();
  return { ...figures, problems, problemCount };
}
