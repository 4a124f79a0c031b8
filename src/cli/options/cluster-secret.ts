/**
 * The secret that the gateways and storage nodes of one cluster share, read from a file, because arguments appear in
 * lists of processes.
 */
import { open } from "node:fs/promises";
import type { Option } from "commander";
import { deriveClusterTokens, type ClusterTokens } from "../../wire/cluster-token.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { fileOption } from "./option.js";

/** Shortest secret of a cluster: 32 random characters cannot be guessed. */
export const clusterSecretCharactersMin = 32;

/** Longest file with a secret, so that a wrong file is noticed. */
const secretFileBytesMax = 8 * 1024;

export interface ClusterSecretOptions {
  readonly clusterSecretFile?: string;
}

export function clusterSecretOption(): Option {
  const description = "file with the secret by which gateways and storage nodes of a cluster authenticate each other";
  return fileOption("--cluster-secret-file", description);
}

/** Null without the option. Fails when the file cannot be read, or its secret is too short. */
export async function clusterTokens({ clusterSecretFile: file }: ClusterSecretOptions): Promise<ClusterTokens | null> {
  if (file === undefined) return null;
  const secret = await readSecret(file);
  if (secret.length < clusterSecretCharactersMin) {
    throw new CommandFailure(
      `Cannot use ${file}: a secret must have at least ${clusterSecretCharactersMin} characters.`,
    );
  }
  return deriveClusterTokens(secret);
}

/** The text of a file, without surrounding white space. */
export async function readSecret(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    if (size <= secretFileBytesMax) return (await handle.readFile("utf8")).trim();
    throw new CommandFailure(`Cannot use ${file}: it is longer than ${secretFileBytesMax} bytes.`);
  } finally {
    await handle.close();
  }
}
