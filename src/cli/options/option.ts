/** Options that several commands share, and parsers that refuse an invalid value and describe a valid one. */
import { InvalidArgumentError, Option } from "commander";
import { ShardgateError } from "../../core/error.js";
import { requestTimeoutMs } from "../../core/limits.js";
import { formats } from "../terminal/print.js";

/** Most workers of a gateway or storage node: more than the cores of any machine that is used for one of them alone. */
const workersMax = 256;

/**
 * Default time that the command line waits for one answer: the gateway's own deadline, and time to transfer the bodies.
 */
const clientTimeoutMs = requestTimeoutMs + 25_000;

/**
 * Longest time that the command line can be configured to wait for one answer: an hour, far longer than a gateway
 * takes.
 */
const clientTimeoutMsMax = 3_600_000;

/** An option that can also be set by the environment variable of the same name. */
export function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  return made.env(`SHARDGATE_${made.name().toUpperCase().replaceAll("-", "_")}`);
}

export function fileOption(name: string, description: string): Option {
  return option(`${name} <file>`, description).argParser(parseText);
}

export const portMax = 65_535;

export function portOption(description: string, port: number): Option {
  return option("--port <number>", description).argParser(wholeNumber(0, portMax)).default(port);
}

export function hostOption(description: string): Option {
  return option("--host <address>", description).argParser(parseHost).default("127.0.0.1");
}

export function dataOption(description: string): Option {
  return option("--data <folder>", description).argParser(parseText).default("./data");
}

export type EngineName = "lmdb" | "postgres" | "memory";

export function engineOption(): Option {
  return option(
    "--engine <name>",
    "storage engine: on disk (lmdb), in a PostgreSQL that several storage nodes share (postgres), or in memory until the process ends (memory)",
  )
    .choices(["lmdb", "postgres", "memory"] satisfies EngineName[])
    .default("lmdb");
}

export function endpointOption(): Option {
  const usual = "http://127.0.0.1:4000";
  // Commander does not parse defaults: without `parseEndpoints` this one would lack the path.
  return option(
    "-e, --endpoint <urls>",
    "URL of the gateway, or of several, separated by commas: the next one is asked when one cannot be connected to",
  )
    .argParser(parseEndpoints)
    .default(parseEndpoints(usual), usual);
}

export function timeoutOption(): Option {
  return option("--timeout <milliseconds>", "time limit for each answer of the gateway")
    .argParser(wholeNumber(1, clientTimeoutMsMax))
    .default(clientTimeoutMs);
}

export function tokenFileOption(): Option {
  return option(
    "--token-file <file>",
    "file with the token to send; without it, the token is read from SHARDGATE_TOKEN",
  ).argParser(parseText);
}

export function outputOption(
  description = "output format: a table for people, or one JSON document for programs",
): Option {
  return option("-o, --output <format>", description).choices(formats).default("table");
}

export function workersOption(): Option {
  return option("--workers <number>", "number of processes that serve requests, to use more cores")
    .argParser(wholeNumber(1, workersMax))
    .default(1);
}

/** A parser for decimal integers from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** Parses a comma-separated list; repeating the option adds to the list. */
export function listOf(parse: (text: string) => string) {
  return (text: string, before: readonly string[] = []): readonly string[] => [
    ...before,
    ...text.split(",").map((part) => parse(part.trim())),
  ];
}

/** Converts a parser of the core to an option's parser: its refusal becomes a usage error. */
export function parsedBy<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      if (error instanceof ShardgateError) throw new InvalidArgumentError(error.message);
      throw error;
    }
  };
}

/** Accepts text that is not empty; an empty environment variable is a mistake, not a choice. */
export function parseText(text: string): string {
  if (text.trim() === "") throw new InvalidArgumentError("It must not be empty.");
  return text;
}

/** An address to listen on, in the form of `node:net`: IPv6 without brackets. */
function parseHost(text: string): string {
  const host = text.replace(/^\[(.*)\]$/, "$1");
  if (/^[\w.:%-]+$/.test(host)) return host;
  throw new InvalidArgumentError("It must be an IP address or a host name.");
}

function parseEndpoints(text: string): string {
  return text
    .split(",")
    .map((part) => parseEndpoint(part.trim()))
    .join();
}

/** The URL of a gateway's GraphQL route; `/graphql` is appended when the URL does not end with it. */
function parseEndpoint(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new InvalidArgumentError("It must be an http or https URL.");
  if (url.username !== "" || url.password !== "" || url.search !== "" || url.hash !== "") {
    throw new InvalidArgumentError("It must have no user name, password, query or fragment.");
  }
  const path = url.pathname.replace(/\/+$/, "");
  return url.origin + (path.endsWith("/graphql") ? path : `${path}/graphql`);
}
