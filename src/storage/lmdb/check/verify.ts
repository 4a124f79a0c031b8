/**
 * Verifies a whole data folder offline, without changing it: checksums, counts, sizes, digests and sequences, the
 * change index and the order of expiry against the entries and vice versa, and tombstones against entries.
 */
import { checkLmdbFolder } from "../folder/folder.js";
import type { Databases } from "../records/databases.js";
import { openDatabasesReadOnly } from "../records/open-databases.js";
import { storageError } from "../folder/failure.js";
import { FolderCheck, type FolderFigures, type FolderProblem } from "./folder-check.js";

/** Most problems that a check of a data folder lists; further ones are only counted. */
export const verifyProblemsMax = 1_000;

export interface FolderReport extends FolderFigures {
  /** The first problems, at most `verifyProblemsMax`. */
  readonly problems: readonly FolderProblem[];
  readonly problemCount: number;
}

/**
 * Throws STORAGE_FAILED, naming the folder and what to do, when the folder cannot be read, is too damaged for LMDB to
 * open, or was written by another version. No process may write to the folder meanwhile.
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
