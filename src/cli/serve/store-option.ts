/** The options of a storage node for a store in a database, and their valid combinations with the engine. */
import type { Command } from "commander";
import { option, type EngineName } from "../options/option.js";
import { isPostgresUrl, postgresPlace, type PostgresPlace } from "../servers/postgres-place.js";
import { addServerOptions, checkServerOptions, type ServerFiles } from "../servers/server-options.js";
import { parseServerUrl, WrongPart, type ServerUrl } from "../servers/server-url.js";

export interface StoreOptions {
  readonly engine: EngineName;
  readonly store?: PostgresPlace;
  readonly storePasswordFile?: string;
  readonly storeTlsCa?: string;
  readonly storeTlsCert?: string;
  readonly storeTlsKey?: string;
}

export function addStoreOptions(command: Command): Command {
  const name = "--store";
  const description =
    "with `--engine postgres`: database of the data, which several storage nodes share, such as " +
    "postgres://user@host1,host2/database";
  command.addOption(
    option(`${name} <url>`, description).argParser((text) => parseStorePlace(`option '${name}'`, text)),
  );
  return addServerOptions(command, "store");
}

/** Throws CommandFailure as a usage error of `name`, which never repeats the text. */
export function parseStorePlace(name: string, text: string): PostgresPlace {
  return parseServerUrl(text, { name, purpose: "store", examples: "postgres://user@host1,host2/database" }, placeAt);
}

/** Ends the program with a usage error when options do not fit together. */
export function checkStoreOptions(options: StoreOptions & { readonly workers: number }, command: Command): void {
  const { engine, store, workers } = options;
  if (engine === "postgres" && store === undefined) {
    command.error("option '--engine postgres' needs '--store postgres://user@host/database'.");
  }
  if (engine !== "postgres" && store !== undefined) {
    command.error(`option '--store' needs '--engine postgres'; the engine is ${engine}.`);
  }
  if (engine === "postgres" && command.getOptionValueSource("data") === "cli") {
    command.error(
      "option '--data' does not go with '--engine postgres', which keeps no files: the data are in '--store'.",
    );
  }
  if (workers > 1 && engine === "postgres") {
    command.error(
      "option '--engine postgres' works in one process only: omit '--workers', and start more storage nodes with the same '--store'.",
    );
  }
  if (workers > 1 && engine === "memory") {
    command.error("option '--engine memory' works in one process only: omit '--workers', or use '--engine lmdb'.");
  }
  const reached = {
    isReached: store !== undefined,
    isTls: store?.isTls === true,
    servers: "'--store postgres://…'",
    tlsServers: "postgres://…?sslmode=verify-full",
  };
  checkServerOptions(storeFiles(options), reached, command);
}

export function storeFiles(options: StoreOptions): ServerFiles {
  return {
    purpose: "store",
    passwordFile: options.storePasswordFile,
    tlsCa: options.storeTlsCa,
    tlsCert: options.storeTlsCert,
    tlsKey: options.storeTlsKey,
  };
}

/** A schema of its own, so that one database may have the registry, too. */
function placeAt(url: ServerUrl): PostgresPlace {
  if (isPostgresUrl(url)) return postgresPlace(url, "shardgate_store");
  throw new WrongPart("must be a URL that begins with postgres://.");
}
