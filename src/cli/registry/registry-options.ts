/** The options for the place of the registry and the connection to its servers, and their valid combinations. */
import type { Command, Option } from "commander";
import { option } from "../options/option.js";
import { addServerOptions, checkServerOptions, type ServerFiles } from "../servers/server-options.js";
import { parseRegistryPlace, type RegistryPlace, type ServerPlace } from "./registry-place.js";

export interface RegistryServerOptions {
  readonly registryPasswordFile?: string;
  readonly registryTlsCa?: string;
  readonly registryTlsCert?: string;
  readonly registryTlsKey?: string;
}

export interface RegistryPlaceOptions extends RegistryServerOptions {
  readonly registry?: RegistryPlace;
}

export function addRegistryOptions(command: Command, description: string): Command {
  return addRegistryServerOptions(command.addOption(registryOption(description)));
}

export function registryOption(description: string): Option {
  const name = "--registry";
  return option(`${name} <place>`, description).argParser((text) => parseRegistryPlace(`option '${name}'`, text));
}

export function addRegistryServerOptions(command: Command): Command {
  return addServerOptions(command, "registry");
}

/** Ends the program with a usage error when options do not fit together. */
export function checkRegistryOptions(
  places: readonly (RegistryPlace | undefined)[],
  options: RegistryServerOptions,
  command: Command,
): void {
  const servers = places.filter(isOnServers);
  const reached = {
    isReached: servers.length > 0,
    isTls: servers.some(({ isTls }) => isTls),
    servers: "a registry at postgres:// or etcd://",
    tlsServers: "etcds://…, or postgres://…?sslmode=verify-full",
  };
  checkServerOptions(registryFiles(options), reached, command);
}

export function isOnServers(place: RegistryPlace | undefined): place is ServerPlace {
  return place?.kind === "postgres" || place?.kind === "etcd";
}

export function registryFiles(options: RegistryServerOptions): ServerFiles {
  return {
    purpose: "registry",
    passwordFile: options.registryPasswordFile,
    tlsCa: options.registryTlsCa,
    tlsCert: options.registryTlsCert,
    tlsKey: options.registryTlsKey,
  };
}
