/**
 * The options for TLS, and their valid combinations. The rule behind them: a process with a CA calls its cluster over
 * https only, so that it never trusts an unauthenticated process.
 */
import type { Command } from "commander";
import { fileOption } from "./option.js";
import type { TlsPaths } from "../files/tls-files.js";

/** The parsed options of a storage node. */
export interface ServerTlsOptions {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

/** The parsed options of a gateway. */
export interface GatewayTlsOptions extends ServerTlsOptions {
  readonly tlsNodeCert?: string;
  readonly tlsNodeKey?: string;
}

export function addNodeTlsOptions(command: Command): Command {
  return addIdentityOptions(command).addOption(
    fileOption(
      "--tls-ca",
      "CA file of the cluster: clients, the gateway included, must present a certificate of this CA",
    ),
  );
}

export function addGatewayTlsOptions(command: Command): Command {
  return addIdentityOptions(command)
    .addOption(
      fileOption(
        "--tls-ca",
        "CA file of the cluster: storage nodes are called over https only, and must present a certificate of this CA",
      ),
    )
    .addOption(fileOption("--tls-node-cert", "certificate to present to storage nodes, if it differs from --tls-cert"))
    .addOption(fileOption("--tls-node-key", "private key of that certificate"));
}

export function caOption() {
  return fileOption("--tls-ca", "CA file that verifies the gateway, if Node.js does not trust its CA already");
}

/** Ends the program with a usage error when options do not fit together. `gateway` has the URLs to register at. */
export function checkNodeTlsOptions(
  options: ServerTlsOptions & { readonly gateway?: readonly string[] },
  command: Command,
): void {
  needBoth("--tls-cert", options.tlsCert, "--tls-key", options.tlsKey, command);
  if (options.tlsCa === undefined) return;
  if (options.tlsCert === undefined) command.error("option '--tls-ca' needs '--tls-cert <file>' on a storage node.");
  if (options.gateway?.some((url) => url.startsWith("http:"))) command.error(needsHttps("--gateway"));
}

/** As `checkNodeTlsOptions`. */
export function checkGatewayTlsOptions(options: GatewayTlsOptions, command: Command): void {
  needBoth("--tls-cert", options.tlsCert, "--tls-key", options.tlsKey, command);
  needBoth("--tls-node-cert", options.tlsNodeCert, "--tls-node-key", options.tlsNodeKey, command);
}

/** The error when a CA is given, and `name` is the option with an http URL. */
export function needsHttps(name: string): string {
  return `option '--tls-ca' needs '${name} https://…': a CA cannot verify plain http.`;
}

export function tlsPaths(options: GatewayTlsOptions): TlsPaths {
  const { tlsCert, tlsKey, tlsNodeCert, tlsNodeKey, tlsCa } = options;
  const server = tlsCert === undefined || tlsKey === undefined ? null : { cert: tlsCert, key: tlsKey };
  const other = tlsNodeCert === undefined || tlsNodeKey === undefined ? null : { cert: tlsNodeCert, key: tlsNodeKey };
  return { server, cluster: other ?? server, clusterCa: tlsCa ?? null };
}

function addIdentityOptions(command: Command): Command {
  return command
    .addOption(
      fileOption("--tls-cert", "serve https with this certificate; intermediate certificates follow it in the file"),
    )
    .addOption(fileOption("--tls-key", "private key of that certificate"));
}

function needBoth(
  certName: string,
  cert: string | undefined,
  keyName: string,
  key: string | undefined,
  command: Command,
): void {
  if ((cert === undefined) === (key === undefined)) return;
  const [given, missing] = cert === undefined ? [keyName, certName] : [certName, keyName];
  command.error(`option '${given}' needs '${missing} <file>'.`);
}
