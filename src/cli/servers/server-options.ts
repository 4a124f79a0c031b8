/**
 * The options by which a command reaches database servers: the password, and the files for TLS. The registry and the
 * shared store have the same ones, under names of their own.
 */
import type { Command } from "commander";
import type { Clock } from "../../core/clock.js";
import type { Log } from "../../core/log.js";
import type { Environment } from "../environment/environment.js";
import { TlsFiles } from "../files/tls-files.js";
import { readSecret } from "../options/cluster-secret.js";
import { fileOption } from "../options/option.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { passwordVariable, type ServerPurpose } from "./server-url.js";

/** What the options of one purpose are set to. */
export interface ServerFiles {
  readonly purpose: ServerPurpose;
  readonly passwordFile: string | undefined;
  readonly tlsCa: string | undefined;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
}

export function addServerOptions(command: Command, purpose: ServerPurpose): Command {
  const servers = `the ${purpose}'s servers`;
  return command
    .addOption(
      fileOption(
        `--${purpose}-password-file`,
        `file with the password for ${servers}, read again at each connection; without it, ` +
          `the password is read from ${passwordVariable(purpose)}`,
      ),
    )
    .addOption(
      fileOption(`--${purpose}-tls-ca`, `CA file that verifies ${servers}, if Node.js does not trust their CA`),
    )
    .addOption(fileOption(`--${purpose}-tls-cert`, `certificate to present to ${servers}`))
    .addOption(fileOption(`--${purpose}-tls-key`, "private key of that certificate"));
}

/** What the options need to have any effect. */
export interface ServersReached {
  /** Whether there are servers, and whether any of them is reached with TLS. */
  readonly isReached: boolean;
  readonly isTls: boolean;
  /** What would be servers, and servers with TLS, for messages. */
  readonly servers: string;
  readonly tlsServers: string;
}

/** Ends the program with a usage error when options do not fit together. */
export function checkServerOptions(files: ServerFiles, reached: ServersReached, command: Command): void {
  const { purpose, passwordFile, tlsCa, tlsCert, tlsKey } = files;
  if (passwordFile !== undefined && !reached.isReached) {
    command.error(`option '--${purpose}-password-file' needs ${reached.servers}.`);
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    command.error(`options '--${purpose}-tls-cert' and '--${purpose}-tls-key' need each other.`);
  }
  if ((tlsCa ?? tlsCert) !== undefined && !reached.isTls) {
    command.error(
      `options '--${purpose}-tls-ca' and '--${purpose}-tls-cert' need a ${purpose} that is reached with TLS: ` +
        `${reached.tlsServers}.`,
    );
  }
}

/** What a caller of the servers needs beside their URL. */
export interface ServerAccess {
  /** Reads the password anew each time; null if there is none. */
  readonly password: (() => Promise<string>) | null;
  /** The caller closes it. */
  readonly tls: TlsFiles;
}

export interface ServerAccessParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly variable: Environment["variable"];
}

/** Rejects with CommandFailure for unusable files or an unusable password. */
export async function openServerAccess(files: ServerFiles, parts: ServerAccessParts): Promise<ServerAccess> {
  const { tlsCa: clusterCa = null, tlsCert: cert, tlsKey: key } = files;
  const password = await checkedPassword(files, parts.variable);
  const cluster = cert === undefined || key === undefined ? null : { cert, key };
  return { password, tls: await TlsFiles.open({ paths: { server: null, cluster, clusterCa }, ...parts }) };
}

/** Read once at once, so that an unreadable file is not reported as servers out of reach. */
async function checkedPassword(
  { purpose, passwordFile: file }: ServerFiles,
  variable: Environment["variable"],
): Promise<ServerAccess["password"]> {
  if (file === undefined) {
    const password = variable(passwordVariable(purpose));
    return password === undefined || password === "" ? null : async () => password;
  }
  const read = async (): Promise<string> => {
    const password = await readSecret(file);
    if (password === "") throw new CommandFailure(`Cannot use ${file}: it is empty.`);
    return password;
  };
  await read();
  return read;
}
