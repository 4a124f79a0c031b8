/** The part of fs-native-extensions that is used here; the package comes without types. */
declare module "fs-native-extensions" {
  /**
   * Locks the whole file. The lock belongs to the open file, also where another process has inherited it, and ends when
   * the last of them has closed it or is gone. False when another open file has the lock; throws the system's error.
   */
  export function tryLock(fd: number): boolean;
}
