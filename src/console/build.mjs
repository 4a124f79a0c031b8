/** Makes the files that the console's page loads, each compressed, and puts the licences of what is in them beside. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build, mergeConfig } from "vite";
import config from "./vite.config.mjs";

const require = createRequire(import.meta.url);

/** `folder` is that of the gateway's console in dist/. */
export async function buildConsole(folder) {
  const files = path.join(folder, "files");
  mkdirSync(files, { recursive: true });
  await build(mergeConfig(config, { build: { outDir: files } }));
  copyFileSync(path.join(import.meta.dirname, "../gateway/pages/playground/icon.svg"), path.join(files, "icon.svg"));
  for (const name of readdirSync(files)) {
    const file = path.join(files, name);
    writeFileSync(`${file}.gz`, gzipSync(readFileSync(file), { level: 9 }));
    rmSync(file);
  }
  for (const name of ["preact", "uplot"]) {
    const home = path.dirname(require.resolve(`${name}/package.json`));
    copyFileSync(path.join(home, "LICENSE"), path.join(folder, `LICENSE-${name}`));
  }
}
