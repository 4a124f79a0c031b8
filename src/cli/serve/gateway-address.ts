/**
 * How a gateway names itself to the others of its cluster, and to storage nodes while it leads. A gateway that shares
 * its registry with no other one gives its address only if an option sets it, because no other process needs it.
 */
import type { Command } from "commander";
import type { OwnAddress } from "../../gateway/cluster/member/followed-leader.js";
import { parseGatewayUrl } from "../../registry/address/node-url.js";
import { parseGatewayName } from "../../wire/gateway-peers.js";
import { listeningUrl } from "../../wire/paths.js";
import { isWildcard } from "../options/exposure.js";
import { option, parsedBy } from "../options/option.js";
import { needsHttps, type GatewayTlsOptions } from "../options/tls-option.js";
import { isOnServers, type RegistryPlaceOptions } from "../registry/registry-options.js";

export interface GatewayAddressOptions extends RegistryPlaceOptions, Pick<GatewayTlsOptions, "tlsCert" | "tlsCa"> {
  readonly id?: string;
  readonly advertise?: string;
  readonly host: string;
  readonly port: number;
  readonly workers: number;
}

export function addGatewayAddressOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--id <name>",
        "name of the gateway among those of its cluster (default: host and port of its URL)",
      ).argParser(parsedBy(parseGatewayName)),
    )
    .addOption(
      option(
        "--advertise <url>",
        "URL at which other gateways and storage nodes reach this gateway, if it differs from the listening address",
      ).argParser(parsedBy(parseGatewayUrl)),
    );
}

/** Ends the program as used wrongly when other gateways could not call this one. */
export function checkGatewayAddress(options: GatewayAddressOptions, command: Command): void {
  const { registry, advertise, host, port, workers, tlsCa } = options;
  if (!isOnServers(registry)) return;
  if (advertise === undefined && (isWildcard(host) || (port === 0 && workers > 1))) {
    const which = isWildcard(host) ? `'--host ${host}'` : "'--port 0' with several workers";
    command.error(
      `option ${which} needs '--advertise <url>': other gateways of this registry cannot call that address.`,
    );
  }
  if (tlsCa !== undefined && advertise?.startsWith("http:") === true) command.error(needsHttps("--advertise"));
}

/** `listening`: the URL at which it listens, once it does; for a port that the system picks. */
export function ownAddress(
  options: GatewayAddressOptions,
  listening: () => string | null = () => null,
): () => OwnAddress {
  const { id: name = null, advertise: url = null, registry } = options;
  if (!isOnServers(registry)) return () => ({ name, url });
  return () => {
    const reached = url ?? (options.port === 0 ? listening() : urlOf(options));
    return {
      name: name ?? (reached === null ? `${options.host}:${options.port}` : new URL(reached).host),
      url: reached,
    };
  };
}

function urlOf({ host, port, tlsCert }: GatewayAddressOptions): string {
  return listeningUrl(host, port, tlsCert === undefined ? "http" : "https");
}
