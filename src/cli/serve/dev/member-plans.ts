/** Which processes `shardgate dev` has, on which ports, and with which arguments each is started. Pure. */
import { join } from "node:path";
import { limitArguments, type LimitOptions } from "../../options/limit-option.js";
import {
  persistedDocumentsArguments,
  type PersistedDocumentsOptions,
} from "../../options/persisted-documents-option.js";
import { webArguments, type WebCliOptions } from "../../options/web-option.js";
import { usualPlace } from "../../registry/registry-place.js";
import type { ExposureOptions } from "../../options/exposure.js";
import type { EngineName } from "../../options/option.js";
import type { LogLevels } from "../telemetry/log-level.js";
import { tracingArguments, type TracingOptions } from "../telemetry/tracing-option.js";
import type { MemberPlan } from "./member.js";
import { passwordPath } from "./postgres-folder.js";

export interface DevOptions
  extends WebCliOptions, PersistedDocumentsOptions, LimitOptions, ExposureOptions, TracingOptions {
  readonly port: number;
  readonly gateways: number;
  readonly nodes: number;
  readonly shards?: number;
  readonly data: string;
  /** URL of the registry that the gateways share. */
  readonly registry?: string;
  readonly engine: EngineName;
  readonly playground: boolean;
  readonly console: boolean;
  readonly logLevel: LogLevels;
}

/** Where the gateways keep the registry: in a file, which only one gateway can use, or at a URL. */
export type DevRegistry =
  | { readonly kind: "file" }
  | { readonly kind: "url"; readonly url: string }
  /** The registry is in the PostgreSQL of the data folder, which also has the data of `--engine postgres`. */
  | { readonly kind: "postgres"; readonly url: string };

/** Storage nodes do not authenticate their callers, so they are never opened to other hosts here. */
export const nodeHost = "127.0.0.1";

/** In this order: the first gateway, the storage nodes, the other gateways, PostgreSQL. With 0 each takes a free port. */
export function devPorts({ port, gateways, nodes }: Pick<DevOptions, "port" | "gateways" | "nodes">) {
  const after = (count: number): number => (port === 0 ? 0 : port + count);
  return {
    gateways: numbersTo(gateways).map((number) => (number === 1 ? port : after(nodes + number - 1))),
    nodes: numbersTo(nodes).map(after),
    postgres: after(nodes + gateways),
  };
}

export function postgresPlan(options: DevOptions): MemberPlan {
  const { data } = options;
  const args = ["dev", "registry", "--port", `${devPorts(options).postgres}`, "--data", data];
  const what = options.engine === "postgres" ? "registry and data" : "registry of the gateways";
  return { ...place(options, "registry"), kind: "registry", args, role: `${what}, in PostgreSQL` };
}

/** Brings the registry of a single gateway into PostgreSQL, at `url`. */
export function copyPlan(options: DevOptions, url: string): MemberPlan {
  const args = [
    "registry",
    "copy",
    usualPlace(options.data).path,
    url,
    "--registry-password-file",
    passwordPath(options.data),
  ];
  return { ...place(options, "registry-copy"), kind: "registry", args, role: "copies the registry" };
}

export function gatewayPlans(options: DevOptions, registry: DevRegistry): readonly MemberPlan[] {
  return devPorts(options).gateways.map((port, index) => {
    const name = options.gateways === 1 ? "gateway" : `gateway${index + 1}`;
    const args = ["gateway", "--port", `${port}`, ...gatewayArguments(options)];
    args.push(
      ...(registry.kind === "file" ? fileArguments(options) : sharedArguments(options, registry, { name, port })),
    );
    args.push("--log-level", options.logLevel.text, "--drain-delay", "0", ...publicArguments(options));
    const role = `${options.console ? "console at /, " : ""}GraphQL at /graphql, REST at /data`;
    return { ...place(options, name), kind: "gateway", args, role };
  });
}

/** Each knows all gateways, whose URLs are `gateways`. */
export function nodePlans(
  options: DevOptions,
  gateways: readonly string[],
  registry: DevRegistry,
): readonly MemberPlan[] {
  const { logLevel } = options;
  return devPorts(options).nodes.map((port, index) => {
    const name = `node${index + 1}`;
    const args = ["node", "--id", name, "--port", `${port}`, "--host", nodeHost, ...storeArguments(options, registry)];
    args.push("--gateway", gateways.join(), "--log-level", logLevel.text, ...tracingArguments(options));
    return { ...place(options, name), kind: "node", args, role: `storage node, ${dataPlace(options, name)}` };
  });
}

function storeArguments({ data, engine }: DevOptions, registry: DevRegistry): readonly string[] {
  if (engine !== "postgres" || registry.kind !== "postgres") return ["--data", data, "--engine", engine];
  return ["--engine", engine, "--store", registry.url, "--store-password-file", passwordPath(data)];
}

function dataPlace({ data, engine }: DevOptions, name: string): string {
  if (engine === "postgres") return "data in PostgreSQL";
  return engine === "lmdb" ? `data in ${join(data, name)}` : "data in memory only";
}

export function logFolder({ data }: Pick<DevOptions, "data">): string {
  return join(data, "logs");
}

/** The origin of a listening URL; an address that means "all of this host's" becomes loopback. */
export function callableOrigin(listening: string): string {
  const url = new URL(listening);
  if (url.hostname === "0.0.0.0") url.hostname = "127.0.0.1";
  if (url.hostname === "[::]") url.hostname = "[::1]";
  return url.origin;
}

function gatewayArguments({ host, nodes, data, shards }: DevOptions): readonly string[] {
  const args = ["--host", host, "--nodes", `${nodes}`, "--data", data];
  return shards === undefined ? args : [...args, "--shards", `${shards}`];
}

function fileArguments(options: DevOptions): readonly string[] {
  return ["--registry", usualPlace(options.data).path];
}

function sharedArguments(
  { host, data }: DevOptions,
  registry: Exclude<DevRegistry, { readonly kind: "file" }>,
  { name, port }: { readonly name: string; readonly port: number },
): readonly string[] {
  const args = ["--id", name, "--registry", registry.url];
  if (registry.kind === "postgres") args.push("--registry-password-file", passwordPath(data));
  // A gateway that picks its port says where it listens.
  return port === 0 ? args : [...args, "--advertise", advertisedOrigin(host, port)];
}

function advertisedOrigin(host: string, port: number): string {
  return callableOrigin(`http://${host.includes(":") ? `[${host}]` : host}:${port}`);
}

function publicArguments(options: DevOptions): readonly string[] {
  const args = options.insecure === true ? ["--insecure"] : [];
  if (!options.playground) args.push("--no-playground");
  if (!options.console) args.push("--no-console");
  // A storage node that is started again by hand gets its share back.
  if (options.engine === "postgres") args.push("--auto-rebalance");
  args.push(...limitArguments(options), ...webArguments(options));
  return [...args, ...tracingArguments(options), ...persistedDocumentsArguments(options)];
}

function place(options: DevOptions, name: string): Pick<MemberPlan, "name" | "logPath"> {
  return { name, logPath: join(logFolder(options), `${name}.log`) };
}

function numbersTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
