/**
 * The options that set who may do what at a gateway, and the access rules that are read from the files and URLs in
 * them.
 */
import { InvalidArgumentError, type Command } from "commander";
import type { Clock } from "../../core/clock.js";
import { ShardgateError } from "../../core/error.js";
import type { Log } from "../../core/log.js";
import { createAccess, type Access, type TokenVerifier } from "../../gateway/access/access.js";
import { auditTo } from "../../gateway/access/audit-log.js";
import { clusterTokenVerifier } from "../../gateway/access/cluster-token-verifier.js";
import { jsonWebTokenVerifier, parseKeySet, remoteKeySet, type KeySet } from "../../gateway/access/json-web-tokens.js";
import { parseStaticTokens, staticTokenVerifier } from "../../gateway/access/static-tokens.js";
import { WatchedFile } from "../../gateway/access/watched-file.js";
import type { ClusterTokens } from "../../wire/cluster-token.js";
import { isLoopback, type Safeguard } from "../options/exposure.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { openAuditLog } from "./telemetry/pino-log.js";
import { option, parseText } from "../options/option.js";

export interface AccessOptions {
  readonly tokens?: string;
  readonly jwtIssuer?: string;
  readonly jwtAudience?: string;
  readonly jwtJwks?: string;
  readonly auditLog?: string;
}

export interface OpenAccess {
  readonly access: Access;
  close(): Promise<void>;
}

export function addAccessOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--tokens <file>",
        "file of tokens with their callers and grants; `shardgate token` creates its lines",
      ).argParser(parseText),
    )
    .addOption(option("--jwt-issuer <name>", "issuer (`iss`) of the JSON Web Tokens to accept").argParser(parseText))
    .addOption(option("--jwt-audience <name>", "audience (`aud`) that such a token must name").argParser(parseText))
    .addOption(
      option("--jwt-jwks <file or URL>", "JSON Web Key Set that verifies such tokens").argParser(parseKeySource),
    )
    .addOption(
      option(
        "--audit-log <file>",
        "file to append a line to for each cluster change; without it they go to the log",
      ).argParser(parseText),
    );
}

/**
 * The options that make it safe to accept other hosts. Ends the program when one option needs another that is missing.
 */
export function accessSafeguards(options: AccessOptions, command: Command): readonly Safeguard[] {
  const { tokens, jwtIssuer, jwtAudience, jwtJwks } = options;
  const jwt = [jwtIssuer, jwtAudience, jwtJwks].filter((value) => value !== undefined);
  if (jwt.length === 1 || jwt.length === 2) {
    command.error("options '--jwt-issuer', '--jwt-audience' and '--jwt-jwks' must be used together.");
  }
  return [
    { options: "--tokens <file>", isGiven: tokens !== undefined },
    { options: "--jwt-issuer, --jwt-audience and --jwt-jwks", isGiven: jwt.length === 3 },
  ];
}

/** Fails when a file cannot be used. */
export async function openGatewayAccess(
  options: AccessOptions,
  cluster: ClusterTokens | null,
  parts: { readonly clock: Clock; readonly log: Log },
): Promise<OpenAccess> {
  const opened: { close(): unknown }[] = [];
  const close = async (): Promise<void> => {
    for (const each of opened) await each.close();
  };
  const watched = async <Content>(path: string, parse: (text: string) => Content): Promise<WatchedFile<Content>> => {
    const file = await openWatched(path, parse, parts);
    opened.push(file);
    return file;
  };
  try {
    const { tokens, jwtIssuer: issuer, jwtAudience: audience, jwtJwks, auditLog } = options;
    const clients: TokenVerifier[] = [];
    if (tokens !== undefined) clients.push(staticTokenVerifier(await watched(tokens, parseStaticTokens), parts.clock));
    if (issuer !== undefined && audience !== undefined && jwtJwks !== undefined) {
      clients.push(jsonWebTokenVerifier({ issuer, audience, keys: await keySource(jwtJwks, watched), ...parts }));
    }
    const audit = auditLog === undefined ? null : openAuditLog(auditLog, parts.log);
    if (audit !== null) opened.push(audit);
    const access = createAccess({
      // Tokens of storage nodes are checked first: each node sends a request every second.
      verifiers: [...(cluster === null ? [] : [clusterTokenVerifier(cluster)]), ...clients],
      isOpen: clients.length === 0,
      areNodesProven: cluster !== null,
      audit: auditTo(audit?.log ?? parts.log),
    });
    return { access, close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Watch = (path: string, parse: typeof parseKeySet) => Promise<WatchedFile<KeySet>>;

async function keySource(source: string, watched: Watch): Promise<() => KeySet> {
  if (isUrl(source)) {
    const keys = remoteKeySet(new URL(source));
    return () => keys;
  }
  const file = await watched(source, parseKeySet);
  return () => file.content;
}

async function openWatched<Content>(
  path: string,
  parse: (text: string) => Content,
  parts: { readonly clock: Clock; readonly log: Log },
): Promise<WatchedFile<Content>> {
  try {
    return await WatchedFile.open({ path, parse, ...parts });
  } catch (error) {
    if (error instanceof ShardgateError) throw new CommandFailure(`Cannot use ${path}: ${error.message}`);
    throw error;
  }
}

/** An attacker who can change the server's answer could grant any permission, so plain http is refused. */
function parseKeySource(text: string): string {
  if (!isUrl(text)) return parseText(text);
  if (!URL.canParse(text)) throw new InvalidArgumentError("It must be a file or a URL of a JSON Web Key Set.");
  const { protocol, hostname } = new URL(text);
  if (protocol === "https:" || isLoopback(hostname)) return text;
  throw new InvalidArgumentError("Key sets are fetched over https; http is allowed for loopback addresses only.");
}

function isUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}
