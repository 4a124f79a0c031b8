/** `shardgate gateway`: puts a gateway together, from the registry's file up to the server, and takes it down again. */
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { Log } from "../core/log.js";
import {
  downAfterMs,
  drainTimeoutMs,
  requestTimeoutMs,
  shardCountMax,
  silenceMsMax,
  silentAfterMs,
  stopMarginMs,
  storageNodesMax,
  suspectAfterMs,
} from "../core/limits.js";
import { Membership } from "../gateway/membership.js";
import { Metrics } from "../gateway/metrics.js";
import { RecentTraffic } from "../gateway/console/recent-traffic.js";
import { startGateway } from "../gateway/server.js";
import { FileStore } from "../registry/file-store.js";
import { Liveness } from "../registry/liveness.js";
import { MemoryStore } from "../registry/memory-store.js";
import { NodeAllowList } from "../registry/node-allow-list.js";
import type { RegistryStore } from "../registry/registry-store.js";
import { Registry } from "../registry/registry.js";
import { NodeGuard } from "../routing/node-guard.js";
import { NodePool } from "../routing/node-pool.js";
import { Router } from "../routing/router.js";
import { UndiciNodeClient } from "../routing/undici-node-client.js";
import { accessSafeguards, addAccessOptions, openGatewayAccess, type AccessOptions } from "./access-options.js";
import { clusterSecretOption, clusterTokens, type ClusterSecretOptions } from "./cluster-secret.js";
import { addDisclosureOptions, documentRulesOf, type DisclosureOptions } from "./disclosure-option.js";
import type { Environment } from "./environment.js";
import { checkExposure, insecureOption, type ExposureOptions } from "./exposure.js";
import { boundsOf, limitOption, type LimitOptions } from "./limit-option.js";
import { createLog, type LogLevel } from "./log.js";
import { makeFolder } from "./make-folder.js";
import {
  dataOption,
  hostOption,
  logLevelOption,
  option,
  parsedBy,
  parseText,
  portOption,
  wholeNumber,
} from "./option.js";
import {
  addPersistedDocumentsOptions,
  checkPersistedDocumentsOptions,
  readPersistedDocuments,
  type PersistedDocumentsOptions,
} from "./persisted-documents.js";
import { closeWithin, listenForStop } from "./stop-request.js";
import { TlsFiles } from "./tls-files.js";
import { addGatewayTlsOptions, checkGatewayTlsOptions, tlsPaths, type GatewayTlsOptions } from "./tls-option.js";
import { addTracingOptions, openTracing, type TracingOptions } from "./tracing.js";
import { addWebOptions, webOptionsOf, type WebCliOptions } from "./web-option.js";

interface GatewayOptions
  extends
    WebCliOptions,
    DisclosureOptions,
    PersistedDocumentsOptions,
    LimitOptions,
    GatewayTlsOptions,
    AccessOptions,
    ClusterSecretOptions,
    ExposureOptions,
    TracingOptions {
  readonly port: number;
  readonly shards?: number;
  readonly nodes: number;
  readonly data: string;
  readonly registry?: string;
  readonly suspectAfter: number;
  readonly downAfter: number;
  readonly allowNodes?: NodeAllowList;
  readonly autoAssign: boolean;
  readonly playground: boolean;
  readonly console: boolean;
  readonly logLevel: LogLevel;
}

export function addGatewayCommand(program: Command, environment: Environment): void {
  const gateway = program
    .command("gateway")
    .description("Run a gateway: GraphQL at /graphql, REST at /data, the cluster at /shards and /nodes.")
    .addOption(portOption("port to listen on; 0 takes a free one", 4000))
    .addOption(hostOption("address to listen on"))
    .addOption(
      option(
        "--shards <number>",
        "number of shards of a new cluster (64 when not given); fixed from then on",
      ).argParser(wholeNumber(1, shardCountMax)),
    )
    .addOption(
      option("--nodes <number>", "how many storage nodes to wait for before shards are first assigned")
        .argParser(wholeNumber(1, storageNodesMax))
        .default(1),
    )
    .addOption(dataOption("folder of all data; the registry is the file registry.json in it"))
    .addOption(option("--registry <file>", "another file for the registry; `memory` for none").argParser(parseText))
    .addOption(silenceOption("--suspect-after <milliseconds>", "SUSPECT", suspectAfterMs))
    .addOption(silenceOption("--down-after <milliseconds>", "DOWN", downAfterMs))
    .addOption(
      option(
        "--allow-nodes <list>",
        "where storage nodes may be: networks, addresses and host names such as 10.0.0.0/8,nodes.internal",
      ).argParser(parsedBy((text) => new NodeAllowList(text))),
    )
    .addOption(option("--no-auto-assign", "assign no shard without being told (the variable may have any value)"))
    .addOption(option("--no-playground", "serve no GraphiQL page at /graphql (the variable may have any value)"))
    .addOption(option("--no-console", "serve no console page at / (the variable may have any value)"))
    .addOption(limitOption())
    .addOption(logLevelOption());
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
      checkExposure(options, accessSafeguards(options, command), command);
      await runGateway(options, environment);
    });
}

function silenceOption(flags: string, state: string, defaultMs: number) {
  return option(flags, `silence after which a storage node is ${state}; it is heard of every second`)
    .argParser(wholeNumber(silentAfterMs, silenceMsMax))
    .default(defaultMs);
}

async function runGateway(options: GatewayOptions, environment: Environment): Promise<void> {
  const stop = listenForStop(environment);
  try {
    const log = createLog("gateway", options.logLevel, environment.stderr);
    const gateway = await openGateway(options, environment, log);
    environment.stdout.write(`listening ${gateway.url}\n`);
    const reason = await stop.requested;
    log.info({ reason }, "The gateway stops.");
    await closeWithin(gateway.close(), drainTimeoutMs + stopMarginMs, environment.clock);
  } finally {
    stop.dispose();
  }
}

interface OpenGateway {
  readonly url: string;
  close(): Promise<void>;
}

/** Builds from the bottom up; when a step fails, or at the end, closes what is open from the top down. */
async function openGateway(options: GatewayOptions, environment: Environment, log: Log): Promise<OpenGateway> {
  const { clock, random } = environment;
  const { suspectAfter, downAfter, nodes: nodesMin, autoAssign: isAutoAssigning } = options;
  const open: (() => unknown)[] = [];
  const close = async () => {
    for (const closeNext of open.toReversed()) await closeNext();
  };
  try {
    const bounds = boundsOf(options);
    const persistedDocuments = await readPersistedDocuments(options, bounds);
    const tls = await TlsFiles.open({ paths: tlsPaths(options), clock, log });
    open.push(() => tls.close());
    const tokens = await clusterTokens(options);
    const { access, close: closeAccess } = await openGatewayAccess(options, tokens, { clock, log });
    open.push(closeAccess);
    const service = { name: "shardgate-gateway", instance: `${options.host}:${options.port}` };
    const tracing = await openTracing(options, service, { clock, log });
    open.push(() => tracing.close());
    const store = await openStore(options);
    open.push(() => store.close());
    const wanted = { shardCount: options.shards ?? null, clusterName: null };
    const registry = await Registry.open({ store, clock, log, wanted, newClusterId: environment.newId });
    open.push(() => registry.close());
    const { allowNodes: allowList = null, tlsCa } = options;
    const guard = new NodeGuard({ allowList, isHttpsOnly: tlsCa !== undefined, resolve: environment.resolve, clock });
    const traffic = new RecentTraffic(clock);
    const metrics = new Metrics(traffic);
    const pool = new NodePool({
      map: () => registry.map,
      createClient: ({ name, url }) =>
        new UndiciNodeClient({ name, url, guard, tls, token: tokens?.gatewayToken ?? null }),
      clock,
      random,
      log,
      observer: metrics,
      ...tracing.traced,
    });
    open.push(() => pool.close());
    const liveness = new Liveness({ clock, suspectAfterMs: suspectAfter, downAfterMs: downAfter });
    const membership = new Membership({ registry, liveness, pool, guard, clock, log, nodesMin, isAutoAssigning });
    open.push(() => membership.stop());
    const router = new Router({ registry, pool, clock, random });
    const services = { router, membership, access, clock, log, metrics, bounds, requestTimeoutMs, ...tracing.traced };
    const { host, port } = options;
    const server = await startGateway({
      host,
      port,
      services,
      tls,
      isPlaygroundEnabled: options.playground && options.persistedOnly !== true && options.production !== true,
      documentRules: documentRulesOf(options),
      persistedDocuments,
      web: webOptionsOf(options),
      ...(options.console && { traffic }),
    });
    open.push(() => server.close());
    membership.start();
    return { url: server.url, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openStore({ registry, data }: GatewayOptions): Promise<RegistryStore> {
  if (registry === "memory") return new MemoryStore();
  const path = registry ?? join(data, "registry.json");
  await makeFolder(dirname(path));
  return FileStore.open(path);
}
