/** The lock that a file store holds while it is open, so that one process at a time writes the file. cli/ makes real ones. */

export interface FileLock {
  /** Releases the lock. It is also released when its process ends, however that ends. */
  release(): Promise<void>;
}

/** Takes the lock at `path`, a file of its own. Throws REGISTRY_UNAVAILABLE when another holder, or process, has it. */
export type LockFile = (path: string) => Promise<FileLock>;
