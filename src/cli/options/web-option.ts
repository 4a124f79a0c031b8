/**
 * The options for browsers of `gateway`, which `dev` passes on: which web pages may use it, and under which host names.
 */
import { InvalidArgumentError, type Command } from "commander";
import type { WebOptions } from "../../gateway/edge/front.js";
import { listOf, option } from "./option.js";

export interface WebCliOptions {
  readonly cors?: readonly string[];
  readonly allowHost?: readonly string[];
}

export function addWebOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--cors <origins>",
        "origins of web pages that may call the gateway, such as https://app.example,http://localhost:3000; * for all",
      ).argParser(listOf(parseOrigin)),
    )
    .addOption(
      option(
        "--allow-host <names>",
        "host names under which clients may call the gateway, besides IP addresses and localhost; when set, all other names are refused",
      ).argParser(listOf(parseHostName)),
    );
}

/** `advertise`: the URL at which other processes of the cluster reach the gateway. */
export function webOptionsOf({
  cors = [],
  allowHost = [],
  advertise,
}: WebCliOptions & { readonly advertise?: string }): WebOptions {
  const own = advertise === undefined ? {} : { ownHost: new URL(advertise).hostname };
  return { corsOrigins: cors, allowedHosts: allowHost, ...own };
}

/** The options as arguments of another process. */
export function webArguments({ cors, allowHost }: WebCliOptions): readonly string[] {
  return [
    ...(cors === undefined ? [] : ["--cors", cors.join()]),
    ...(allowHost === undefined ? [] : ["--allow-host", allowHost.join()]),
  ];
}

function parseOrigin(text: string): string {
  if (text === "*") return text;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url !== null && /^https?:$/.test(url.protocol) && url.origin === text.toLowerCase()) return url.origin;
  throw new InvalidArgumentError(
    "Each must be an origin as browsers send it: scheme, host, and the port unless it is the default.",
  );
}

function parseHostName(text: string): string {
  if (/^[a-z0-9._-]{1,253}$/i.test(text)) return text.toLowerCase();
  throw new InvalidArgumentError("Each must be a host name, without a port.");
}
