/**
 * Temporary folders of unit tests are in memory where there is room: they wait for a disk thousands of times otherwise,
 * each time that LMDB or a registry is opened or written. The tests of the system write to a disk.
 */
import { statfsSync } from "node:fs";

const folder = "/dev/shm";
const roomBytesMin = 2 ** 30;

if (process.platform === "linux" && roomBytes() >= roomBytesMin) process.env["TMPDIR"] = folder;

function roomBytes(): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize;
  } catch {
    return 0;
  }
}
