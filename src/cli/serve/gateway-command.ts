/** `shardgate gateway`: its options, and which processes it has: one, or a primary and its workers. */
import type { Command } from "commander";
import { unshareable } from "../../core/bounds.js";
import { shardCountMax, silentAfterMs, storageNodesMax } from "../../core/limits.js";
import { downAfterMs, suspectAfterMs, takeoverAfterMs } from "../../registry/liveness.js";
import { partLog, type Log } from "../../core/log.js";
import { NodeAllowList } from "../../registry/address/node-allow-list.js";
import { accessSafeguards, addAccessOptions } from "./access-options.js";
import { clusterSecretOption } from "../options/cluster-secret.js";
import { addDisclosureOptions } from "../options/disclosure-option.js";
import type { Environment } from "../environment/environment.js";
import { checkExposure, insecureOption, type Safeguard } from "../options/exposure.js";
import { addGatewayAddressOptions, checkGatewayAddress } from "./gateway-address.js";
import { openOwnCluster, silenceOf } from "./gateway-cluster.js";
import { serveGateway, type GatewayOptions } from "./gateway-process.js";
import { boundsOf, limitOption } from "../options/limit-option.js";
import { logLevelOption } from "./telemetry/log-level.js";
import { createLog } from "./telemetry/pino-log.js";
import { dataOption, hostOption, option, parsedBy, portOption, wholeNumber, workersOption } from "../options/option.js";
import { StoppedWaiting } from "../servers/awaited-servers.js";
import {
  addRegistryServerOptions,
  checkRegistryOptions,
  isOnServers,
  registryOption,
} from "../registry/registry-options.js";
import { addPersistedDocumentsOptions, checkPersistedDocumentsOptions } from "../options/persisted-documents-option.js";
import { addGatewayTlsOptions, checkGatewayTlsOptions } from "../options/tls-option.js";
import { addTracingOptions } from "./telemetry/tracing-option.js";
import { addWebOptions } from "../options/web-option.js";

/**
 * How long a gateway goes on serving after SIGTERM, by default: load balancers that ask `/ready` every 2 s have noticed,
 * and so has Kubernetes, which needs a second or two to take an ended pod out of its services.
 */
export const drainDelayMsDefault = 5_000;

/** Longest drain delay: load balancers that look once a minute, and then several times, have noticed. */
const drainDelayMsMax = 600_000;

/**
 * Upper bound of the options that set the silence after which a gateway calls a storage node SUSPECT or DOWN: an hour.
 */
const silenceMsMax = 3_600_000;

export function addGatewayCommand(program: Command, environment: Environment): void {
  const gateway = program
    .command("gateway")
    .description("Run a gateway: GraphQL at /graphql, entries over REST at /data, the cluster at /shards and /nodes.")
    .addOption(portOption("port to listen on (0 picks a free port)", 4000))
    .addOption(hostOption("address to listen on"))
    .addOption(
      option(
        "--shards <number>",
        "number of shards of a new cluster (default: 64); it cannot be changed later",
      ).argParser(wholeNumber(1, shardCountMax)),
    )
    .addOption(
      option("--nodes <number>", "number of storage nodes that must register before shards are first assigned")
        .argParser(wholeNumber(1, storageNodesMax))
        .default(1),
    )
    .addOption(dataOption("data folder; the registry is its file registry.json"))
    .addOption(
      registryOption(
        "where the registry is kept: a file, postgres://user@host/database, etcd://host/prefix, or in `memory` only " +
          "(default: registry.json in --data)",
      ),
    )
    .addOption(silenceOption("--suspect-after <milliseconds>", "SUSPECT", suspectAfterMs))
    .addOption(silenceOption("--down-after <milliseconds>", "DOWN", downAfterMs))
    .addOption(takeoverOption())
    .addOption(
      option(
        "--allow-nodes <list>",
        "allowed networks, addresses and host names of storage nodes, such as 10.0.0.0/8,nodes.internal",
      ).argParser(parsedBy((text) => new NodeAllowList(text))),
    )
    .addOption(drainDelayOption())
    .addOption(option("--no-auto-assign", "do not assign shards automatically (any value of the variable sets it)"))
    .addOption(
      option(
        "--auto-rebalance",
        "give storage nodes of a shared store that have been UP for 10 s their share of its shards (any value of the variable sets it)",
      ),
    )
    .addOption(option("--no-playground", "do not serve GraphiQL at /graphql (any value of the variable sets it)"))
    .addOption(option("--no-console", "do not serve the console at / (any value of the variable sets it)"))
    .addOption(limitOption())
    .addOption(workersOption())
    .addOption(logLevelOption());
  addGatewayAddressOptions(addRegistryServerOptions(gateway));
  addDisclosureOptions(addWebOptions(addGatewayTlsOptions(addTracingOptions(gateway))));
  addAccessOptions(addPersistedDocumentsOptions(gateway))
    .addOption(clusterSecretOption())
    .addOption(insecureOption())
    .addHelpText("after", "\nExample:\n  shardgate gateway --port 4000 --shards 64 --nodes 3 --data ./data")
    .action(async (options: GatewayOptions, command: Command) => {
      if (options.suspectAfter > options.downAfter) {
        command.error("option '--suspect-after' must not be longer than '--down-after'.");
      }
      checkPersistedDocumentsOptions(options, command);
      checkGatewayTlsOptions(options, command);
      checkRegistryOptions([options.registry], options, command);
      checkGatewayAddress(options, command);
      const safeguards = accessSafeguards(options, command);
      checkExposure(options, safeguards, command);
      checkSharedSecret(options, safeguards, command);
      const tooSmall = unshareable(boundsOf(options), options.workers);
      if (tooSmall.length > 0) {
        command.error(
          `option '--workers ${options.workers}' needs a \`--limit\` of at least as much for ${tooSmall.join(", ")}.`,
        );
      }
      try {
        await run(options, environment);
      } catch (error) {
        if (!(error instanceof StoppedWaiting)) throw error;
      }
    });
}

/** Gateways that ask clients for tokens let no other gateway in without the secret. */
function checkSharedSecret(options: GatewayOptions, safeguards: readonly Safeguard[], command: Command): void {
  if (!isOnServers(options.registry) || options.clusterSecretFile !== undefined) return;
  const given = safeguards.find(({ isGiven }) => isGiven);
  if (given === undefined) return;
  command.error(
    `option '${given.options}' with a registry that gateways share needs '--cluster-secret-file <file>', the same for ` +
      "all gateways and storage nodes: by it they let each other in.",
  );
}

function drainDelayOption() {
  return option("--drain-delay <milliseconds>", "how long to keep serving after SIGTERM while `/ready` answers 503")
    .argParser(wholeNumber(0, drainDelayMsMax))
    .default(drainDelayMsDefault);
}

function silenceOption(flags: string, state: string, defaultMs: number) {
  return option(flags, `time without a heartbeat after which a storage node is ${state}; heartbeats come every second`)
    .argParser(wholeNumber(silentAfterMs, silenceMsMax))
    .default(defaultMs);
}

/** As short as the others may be: a false alarm costs new epochs, and no data. */
function takeoverOption() {
  const description =
    "time without a heartbeat after which a storage node of a shared store is DOWN, and others take over its shards; " +
    "--down-after, if that is shorter";
  return option("--takeover-after <milliseconds>", description)
    .argParser(wholeNumber(silentAfterMs, silenceMsMax))
    .default(takeoverAfterMs);
}

async function run(options: GatewayOptions, environment: Environment): Promise<void> {
  const { clock, stdout, stderr, newId } = environment;
  const variable = (name: string): string | undefined => environment.variable(name);
  const { workers, logLevel } = options;
  const log = createLog("gateway", logLevel, stderr);
  if (workers === 1) {
    const own = { clock, log: partLog(log, "cluster"), newId, variable };
    return serveGateway(options, environment, {
      log,
      openCluster: (reach) => openOwnCluster(options, { ...own, ...reach }),
      serves: (url) => void stdout.write(`listening ${url}\n`),
    });
  }
  const { joinAsGateway, runGatewayWorkers } = await import("./workers/gateway-workers.js");
  const seat = await environment.openSeat();
  if (seat.kind === "primary") return runGatewayWorkers(seat, options, { environment, log, bounds: boundsOf(options) });
  const logOf = (worker: number): Log => createLog("gateway", logLevel, stderr, worker);
  try {
    await serveGateway(options, environment, await joinAsGateway(seat, { clock, log, logOf, ...silenceOf(options) }));
  } finally {
    seat.leave();
  }
}
