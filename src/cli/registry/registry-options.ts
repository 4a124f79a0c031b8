/** The options for the place of the registry and the connection to its servers, and their valid combinations. */
import type { Command, Option } from "commander";
import type { Environment } from "../environment/environment.js";
import { readSecret } from "../options/cluster-secret.js";
import { fileOption, option } from "../options/option.js";
import { CommandFailure } from "../terminal/command-failure.js";
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
  return command
    .addOption(
      fileOption(
        "--registry-password-file",
        "file with the password for the registry's servers, read again at each connection; without it, " +
          `the password is read from ${passwordVariable}`,
      ),
    )
    .addOption(
      fileOption(
        "--registry-tls-ca",
        "CA file that verifies the registry's servers, if Node.js does not trust their CA",
      ),
    )
    .addOption(fileOption("--registry-tls-cert", "certificate to present to the registry's servers"))
    .addOption(fileOption("--registry-tls-key", "private key of that certificate"));
}

/** Ends the program with a usage error when options do not fit together. */
export function checkRegistryOptions(
  places: readonly (RegistryPlace | undefined)[],
  options: RegistryServerOptions,
  command: Command,
): void {
  const { registryPasswordFile, registryTlsCa, registryTlsCert, registryTlsKey } = options;
  const servers = places.filter(isOnServers);
  if (registryPasswordFile !== undefined && servers.length === 0) {
    command.error("option '--registry-password-file' needs a registry at postgres:// or etcd://.");
  }
  if ((registryTlsCert === undefined) !== (registryTlsKey === undefined)) {
    command.error("options '--registry-tls-cert' and '--registry-tls-key' need each other.");
  }
  if ((registryTlsCa ?? registryTlsCert) !== undefined && !servers.some(({ isTls }) => isTls)) {
    command.error(
      "options '--registry-tls-ca' and '--registry-tls-cert' need a registry that is reached with TLS: " +
        "etcds://…, or postgres://…?sslmode=verify-full.",
    );
  }
}

export function isOnServers(place: RegistryPlace | undefined): place is ServerPlace {
  return place?.kind === "postgres" || place?.kind === "etcd";
}

/** Reads the password anew each time; null if there is none. Throws CommandFailure, or the system's error. */
export function registryPassword(
  { registryPasswordFile: file }: RegistryServerOptions,
  variable: Environment["variable"],
): (() => Promise<string>) | null {
  if (file !== undefined) {
    return async () => {
      const password = await readSecret(file);
      if (password === "") throw new CommandFailure(`Cannot use ${file}: it is empty.`);
      return password;
    };
  }
  const password = variable(passwordVariable);
  return password === undefined || password === "" ? null : async () => password;
}

const passwordVariable = "SHARDGATE_REGISTRY_PASSWORD";
