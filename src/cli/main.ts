#!/usr/bin/env node
/** The program `shardgate`: the only file that runs when it is loaded. */
import { fileURLToPath } from "node:url";
import { stopMarginMs } from "../core/limits.js";
import { runCli } from "./program.js";
import { systemEnvironment } from "./environment/system-environment.js";

// A reader that went away (`shardgate export | head`) is no crash; who needs to know listens for itself.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
process.exitCode = await runCli(process.argv.slice(2), systemEnvironment(fileURLToPath(import.meta.url)));
// The command is over: a socket that somebody left open must not keep the process alive.
setTimeout(() => process.exit(), stopMarginMs).unref();
