/** Runs a TypeScript command of this folder: Node.js 20 cannot do that by itself, and Vite is there anyway. */
import path from "node:path";
import { runnerImport } from "vite";

const [, , command = ""] = process.argv;
await runnerImport(path.join(import.meta.dirname, `${command}.ts`), { configFile: false, logLevel: "error" });
