/** Types for the part of fs-native-extensions that is used here; the package has none. */
declare module "fs-native-extensions" {
  /**
   * Locks the whole file. The lock belongs to the open file, even if another process has inherited it, and ends when
   * the last process has closed it or ended. Returns false when another open file has the lock; throws the system's
   * error.
   */
  export function tryLock(fd: number): boolean;
}
