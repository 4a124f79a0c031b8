/**
 * `shardgate node`: one storage node. Opens its engine, starts it, and drains it at a request to stop. With several
 * workers, each of them opens the same data; the primary process opens none, but holds the lock of the folder.
 */
import type { Command } from "commander";
import { drainTimeoutMs, stopMarginMs } from "../../core/limits.js";
import { parseNodeName } from "../../registry/node-name.js";
import { parseNodeUrl } from "../../registry/address/node-url.js";
import { partLog, type Log } from "../../core/log.js";
import { leavingMsMax } from "../../storage-node/leave-node.js";
import { startStorageNode } from "../../storage-node/node-server.js";
import { clusterSecretOption, clusterTokens, type ClusterSecretOptions } from "../options/cluster-secret.js";
import type { Environment } from "../environment/environment.js";
import {
  checkExposure,
  insecureOption,
  isWildcard,
  type ExposureOptions,
  type Safeguard,
} from "../options/exposure.js";
import { lockFolder } from "../files/file-lock.js";
import { logLevelOption, type LogLevels } from "./telemetry/log-level.js";
import { createLog } from "./telemetry/pino-log.js";
import {
  dataOption,
  engineOption,
  hostOption,
  listOf,
  option,
  parsedBy,
  portOption,
  workersOption,
} from "../options/option.js";
import { awaitedStore, StoppedWaiting, untilServersAnswer } from "../servers/awaited-servers.js";
import { makeDataFolder, openEngine, type EngineOptions } from "./node-engine.js";
import { closeWithin, listenForStop } from "./stop-request.js";
import { addStoreOptions, checkStoreOptions } from "./store-option.js";
import { TlsFiles } from "../files/tls-files.js";
import { addNodeTlsOptions, checkNodeTlsOptions, tlsPaths, type ServerTlsOptions } from "../options/tls-option.js";
import { addTracingOptions, openTracing, type TracingOptions } from "./telemetry/tracing-option.js";
import { aloneAsNode, joinAsNode, runNodeWorkers, type NodeRole } from "./workers/node-workers.js";
import type { PrimarySeat } from "../environment/worker-process.js";

interface NodeOptions extends EngineOptions, ServerTlsOptions, ClusterSecretOptions, ExposureOptions, TracingOptions {
  readonly port: number;
  readonly gateway?: readonly string[];
  readonly advertise?: string;
  readonly workers: number;
  readonly logLevel: LogLevels;
}

/** Returns the command, beneath which there are others. */
export function addNodeCommand(program: Command, environment: Environment): Command {
  const node = program
    .command("node")
    .description("Run one storage node: a REST server that stores shards.")
    .addOption(
      option("--id <name>", "name of the node in the cluster, and of its folder")
        .argParser(parsedBy(parseNodeName))
        .default("node1"),
    )
    .addOption(portOption("port to listen on (0 picks a free port)", 4001))
    .addOption(hostOption("address to listen on"))
    .addOption(dataOption("data folder of `--engine lmdb`; this node uses the subfolder of its name"))
    .addOption(engineOption())
    .addOption(
      option(
        "--gateway <urls>",
        "URLs of the cluster's gateways, separated by commas or repeated: the node registers with one, and with another when that is silent; without it the node joins no cluster",
      ).argParser(listOf(parsedBy(parseNodeUrl))),
    )
    .addOption(
      option(
        "--advertise <url>",
        "URL at which the gateway reaches this node, if it differs from the listening address",
      ).argParser(parsedBy(parseNodeUrl)),
    )
    .addOption(workersOption())
    .addOption(clusterSecretOption())
    .addOption(insecureOption())
    .addOption(logLevelOption());
  addStoreOptions(node);
  return addNodeTlsOptions(addTracingOptions(node))
    .addHelpText("after", "\nExample:\n  shardgate node --id node4 --port 4004 --gateway http://127.0.0.1:4000")
    .action(async (options: NodeOptions, command: Command) => {
      if (options.gateway !== undefined && options.advertise === undefined && isWildcard(options.host)) {
        command.error(
          `option '--host ${options.host}' needs '--advertise <url>': the gateway cannot call that address.`,
        );
      }
      checkStoreOptions(options, command);
      checkNodeTlsOptions(options, command);
      checkExposure(options, safeguards(options), command);
      try {
        await run(options, environment);
      } catch (error) {
        if (!(error instanceof StoppedWaiting)) throw error;
      }
    });
}

async function run(options: NodeOptions, environment: Environment): Promise<void> {
  const log = createLog(options.id, options.logLevel, environment.stderr);
  if (options.workers === 1) return runNode(options, environment, aloneAsNode(log, environment));
  const seat = await environment.openSeat();
  if (seat.kind === "primary") return runPrimary(seat, options, { environment, log });
  const logOf = (worker: number): Log => createLog(options.id, options.logLevel, environment.stderr, worker);
  try {
    await runNode(options, environment, await joinAsNode(seat, { clock: environment.clock, log, logOf }));
  } finally {
    seat.leave();
  }
}

/**
 * The folder stays locked until the last worker is gone, also when this process is killed, because the workers have the
 * open file, too.
 */
async function runPrimary(seat: PrimarySeat, options: NodeOptions, { environment, log }: PrimaryParts): Promise<void> {
  const lock = await lockFolder(await makeDataFolder(options), environment.clock);
  try {
    seat.hand(lock.fd);
    await runNodeWorkers(seat, { count: options.workers, environment, log });
  } finally {
    await lock.release();
  }
}

interface PrimaryParts {
  readonly environment: Environment;
  readonly log: Log;
}

async function runNode(options: NodeOptions, environment: Environment, role: NodeRole): Promise<void> {
  const { clock, newId } = environment;
  const { log, incarnation, worker } = role;
  const stop = listenForStop(environment);
  let endAsUsual: () => void = () => {};
  let tls: TlsFiles | null = null;
  try {
    tls = await TlsFiles.open({ paths: tlsPaths(options), clock, log });
    const tokens = await clusterTokens(options);
    const service = { name: "shardgate-node", instance: options.id };
    const tracing = await openTracing(options, service, { clock, log });
    const variable = (name: string): string | undefined => environment.variable(name);
    const waiting = { clock, log: partLog(log, "storage"), signal: stop.signal };
    const { engine, release } = await openEngine(options, { ...waiting, variable, isWorker: worker !== null });
    if (options.engine === "lmdb") endAsUsual = environment.killAtExit();
    const parts = {
      ...tracing.traced,
      name: options.id,
      host: options.host,
      port: options.port,
      engine,
      clock,
      log,
      gatewayUrls: options.gateway ?? [],
      advertisedUrl: options.advertise ?? null,
      newId,
      incarnation,
      tls,
      tokens,
      ...(worker !== null && { worker }),
    };
    // The start is recorded in the store first.
    const start = () => startStorageNode(parts);
    const starting = options.engine === "postgres" ? untilServersAnswer(start, awaitedStore, waiting) : start();
    const node = await starting.catch(async (error: unknown) => {
      await engine.close();
      await release();
      endAsUsual();
      throw error;
    });
    role.serves(node);
    const reason = await stop.requested;
    log.info({ reason }, "The storage node is shutting down.");
    await closeWithin(
      // Without a gateway no other storage node takes over the shards.
      (options.gateway === undefined ? Promise.resolve() : node.leave())
        .then(() => node.drain())
        .then(release)
        .then(endAsUsual)
        .then(() => tracing.close()),
      leavingMsMax + drainTimeoutMs + stopMarginMs,
      clock,
    );
  } finally {
    await tls?.close();
    stop.dispose();
  }
}

/** The options that authenticate callers when the node accepts other hosts. */
function safeguards({ clusterSecretFile, tlsCert, tlsCa }: NodeOptions): readonly Safeguard[] {
  return [
    { options: "--cluster-secret-file <file>", isGiven: clusterSecretFile !== undefined },
    { options: "--tls-cert, --tls-key and --tls-ca", isGiven: tlsCert !== undefined && tlsCa !== undefined },
  ];
}
