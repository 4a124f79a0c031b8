/**
 * `shardgate dev`: a gateway and its storage nodes as processes of their own on this machine, started, watched and
 * stopped together. A process that ends later is reported and left alone, so that a person can see what happens then.
 */
import { join } from "node:path";
import type { Command } from "commander";
import { drainTimeoutMs, shardCountMax, stopMarginMs, storageNodesMax } from "../../core/limits.js";
import type { Environment } from "../environment/environment.js";
import { checkExposure, insecureOption, type ExposureOptions } from "../options/exposure.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { checkPortsFree } from "./free-port.js";
import { limitArguments, limitOption, type LimitOptions } from "../options/limit-option.js";
import { logLevelOption, type LogLevels } from "./telemetry/log-level.js";
import { makeFolder } from "../files/make-folder.js";
import { Member, type MemberPlan } from "./member.js";
import { dataOption, engineOption, hostOption, option, portMax, portOption, wholeNumber } from "../options/option.js";
import {
  addPersistedDocumentsOptions,
  checkPersistedDocumentsOptions,
  persistedDocumentsArguments,
  type PersistedDocumentsOptions,
} from "../options/persisted-documents-option.js";
import { Table } from "../terminal/table.js";
import { waitUntilReady } from "./ready-gateway.js";
import { shellWord } from "../environment/shell-word.js";
import { listenForStop, type StopRequest } from "./stop-request.js";
import { addTracingOptions, tracingArguments, type TracingOptions } from "./telemetry/tracing-option.js";
import { addWebOptions, webArguments, type WebCliOptions } from "../options/web-option.js";

interface DevOptions extends WebCliOptions, PersistedDocumentsOptions, LimitOptions, ExposureOptions, TracingOptions {
  readonly port: number;
  readonly nodes: number;
  readonly shards?: number;
  readonly data: string;
  readonly engine: "lmdb" | "memory";
  readonly playground: boolean;
  readonly console: boolean;
  readonly logLevel: LogLevels;
}

export function addDevCommand(program: Command, environment: Environment): void {
  const dev = program
    .command("dev")
    .description("Run a gateway and storage nodes on this machine until Ctrl-C. The next start finds the same data.")
    .addOption(portOption("port of the gateway; the storage nodes use the ports after it (0 picks free ports)", 4000))
    .addOption(hostOption("address the gateway listens on; storage nodes stay on 127.0.0.1"))
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
    .addOption(engineOption())
    .addOption(option("--no-playground", "do not serve GraphiQL at /graphql (any value of the variable sets it)"))
    .addOption(option("--no-console", "do not serve the console at / (any value of the variable sets it)"))
    .addOption(limitOption())
    .addOption(logLevelOption());
  addPersistedDocumentsOptions(addTracingOptions(addWebOptions(dev)))
    .addOption(insecureOption())
    .addHelpText("after", "\nExample:\n  shardgate dev --port 4000 --nodes 3 --data ./data")
    .action(async (options: DevOptions, command: Command) => {
      if (options.port !== 0 && options.port + options.nodes > portMax) {
        command.error(
          `option '--port ${options.port}' leaves too few ports after it for ${options.nodes} storage nodes.`,
        );
      }
      checkPersistedDocumentsOptions(options, command);
      checkExposure(options, [], command);
      await runDev(options, environment);
    });
}

async function runDev(options: DevOptions, environment: Environment): Promise<void> {
  const stop = listenForStop(environment);
  const members: Member[] = [];
  try {
    await checkPortsFree(options.host, [options.port]);
    await checkPortsFree(
      nodeHost,
      nodeNumbers(options).map((number) => nodePort(options, number)),
    );
    await makeFolder(logFolder(options));
    await Promise.race([stop.requested, bringUp(options, environment, members, stop)]);
    for (const member of members) void report(member, environment, stop);
    await Promise.race([stop.requested, Promise.all(members.map(({ exited }) => exited))]);
    if (!stop.signal.aborted) throw new CommandFailure("every process has ended.");
  } finally {
    await stopAll(members, environment);
    stop.dispose();
  }
}

/** Starts everything, in the order in which the parts need each other, and says so; rejects when one of them ends. */
async function bringUp(options: DevOptions, environment: Environment, members: Member[], { signal }: StopRequest) {
  const { stdout, stderr, clock } = environment;
  const start = async (plan: MemberPlan): Promise<string> => {
    const member = Member.start(plan, environment);
    members.push(member);
    return Promise.race([member.listening, member.endAsFailure()]);
  };
  const gatewayUrl = await start(gatewayPlan(options));
  if (signal.aborted) return;
  const origin = callableOrigin(gatewayUrl);
  const plans = nodeNumbers(options).map((number) => nodePlan(options, number, origin));
  const nodeUrls = await Promise.all(plans.map(start));
  if (signal.aborted) return;
  stdout.write(tableText(members, [origin, ...nodeUrls]));
  stdout.write(`logs in ${logFolder(options)}\n`);
  const onDelay = (reason: string) =>
    void stderr.write(
      `not ready yet, still waiting; the logs may show why. The gateway at ${origin} reports: ${reason}\n`,
    );
  const over = new AbortController();
  const isReady = waitUntilReady(origin, clock, AbortSignal.any([signal, over.signal]), onDelay);
  try {
    await Promise.race([isReady, ...members.map((member) => member.endAsFailure())]);
  } finally {
    over.abort();
  }
  if (!signal.aborted) stdout.write(`ready ${origin}/graphql\n`);
}

/** Says that `member` ended, unless everything is stopped, and how to start it again. */
async function report(member: Member, { stderr, programName }: Environment, { signal }: StopRequest): Promise<void> {
  const how = await member.exited;
  if (signal.aborted) return;
  const again = [programName, ...member.plan.args.map(shellWord)].join(" ");
  stderr.write(
    `${member.plan.name} ended (${how}); the other processes keep running. To start it again:\n  ${again}\n`,
  );
}

/** The gateway first, so that the requests it has accepted still find the storage nodes. */
async function stopAll([gateway, ...nodes]: readonly Member[], { clock }: Environment): Promise<void> {
  const timeoutMs = drainTimeoutMs + 2 * stopMarginMs;
  await gateway?.stop(timeoutMs, clock);
  await Promise.all(nodes.map((node) => node.stop(timeoutMs, clock)));
}

/** Storage nodes ask nobody who calls, so they are never opened to other hosts here. */
const nodeHost = "127.0.0.1";

function gatewayPlan(options: DevOptions): MemberPlan {
  const { port, host, nodes, shards, data, logLevel } = options;
  const args = ["gateway", "--port", `${port}`, "--host", host, "--nodes", `${nodes}`, "--data", data];
  if (shards !== undefined) args.push("--shards", `${shards}`);
  args.push("--registry", join(data, "registry.json"), "--log-level", logLevel.text, "--drain-delay", "0");
  if (options.insecure === true) args.push("--insecure");
  if (!options.playground) args.push("--no-playground");
  if (!options.console) args.push("--no-console");
  args.push(...limitArguments(options), ...webArguments(options));
  args.push(...tracingArguments(options), ...persistedDocumentsArguments(options));
  const role = `${options.console ? "console at /, " : ""}GraphQL at /graphql, REST at /data`;
  return { name: "gateway", role, args, logPath: logPath(options, "gateway") };
}

function nodePlan(options: DevOptions, number: number, gateway: string): MemberPlan {
  const { data, engine, logLevel } = options;
  const name = `node${number}`;
  const args = ["node", "--id", name, "--port", `${nodePort(options, number)}`, "--host", nodeHost];
  args.push("--data", data, "--engine", engine, "--gateway", gateway, "--log-level", logLevel.text);
  args.push(...tracingArguments(options));
  const role = engine === "lmdb" ? `storage node, data in ${join(data, name)}` : "storage node, data in memory only";
  return { name, role, args, logPath: logPath(options, name) };
}

function nodeNumbers({ nodes }: DevOptions): readonly number[] {
  return Array.from({ length: nodes }, (_, index) => index + 1);
}

function nodePort({ port }: DevOptions, number: number): number {
  return port === 0 ? 0 : port + number;
}

function logFolder({ data }: DevOptions): string {
  return join(data, "logs");
}

function logPath(options: DevOptions, name: string): string {
  return join(logFolder(options), `${name}.log`);
}

/** The origin of a listening URL; an address that means "all of this host's" becomes loopback. */
function callableOrigin(listening: string): string {
  const url = new URL(listening);
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  return url.origin;
}

/** Name, process id, URL and role of each member, in columns. */
function tableText(members: readonly Member[], urls: readonly string[]): string {
  const table = new Table([{ title: "name" }, { title: "pid" }, { title: "url" }, { title: "what it is" }]);
  return table.text(
    members.map(({ plan, pid }, index) => [plan.name, String(pid), urls[index] ?? null, plan.role] as const),
  );
}
