#!/usr/bin/env node
/** The program `shardgate`: the only file that runs when it is loaded. */
import { fileURLToPath } from "node:url";
import { stopMarginMs } from "../core/limits.js";
import { runCli } from "./program.js";
import { systemEnvironment } from "./environment/system-environment.js";

// A reader that has gone (`shardgate export | head`) is not a crash; code that needs to know has its own listener.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
process.exitCode = await runCli(process.argv.slice(2), systemEnvironment(fileURLToPath(import.meta.url)));
// The command has ended: a socket that was left open must not keep the process alive.
setTimeout(() => process.exit(), stopMarginMs).unref();
