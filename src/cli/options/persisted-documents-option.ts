/** The options for persisted documents of `gateway`, which `dev` passes on, and the reading of their manifest. */
import type { Command } from "commander";
import type { GatewayBounds } from "../../core/bounds.js";
import { ShardgateError } from "../../core/error.js";
import { parsePersistedDocuments, type PersistedDocuments } from "../../gateway/graphql/request/persisted-documents.js";
import { readBounded } from "../files/bounded-file.js";
import { CommandFailure } from "../terminal/command-failure.js";
import { option, parseText } from "./option.js";

/** Longest manifest of persisted documents: thousands of documents of several KiB each. */
export const persistedDocumentsBytesMax = 16 * 1024 * 1024;

export interface PersistedDocumentsOptions {
  readonly persistedDocuments?: string;
  readonly persistedOnly?: true;
}

export function addPersistedDocumentsOptions(command: Command): Command {
  return command
    .addOption(
      option(
        "--persisted-documents <file>",
        "file of documents that requests name by `documentId`: a JSON object, as GraphQL codegen's client-preset writes it",
      ).argParser(parseText),
    )
    .addOption(
      option(
        "--persisted-only",
        "refuse all other documents, and do not serve GraphiQL (any value of the variable sets it)",
      ),
    );
}

/** Ends the program with a usage error when one option lacks the other. */
export function checkPersistedDocumentsOptions(options: PersistedDocumentsOptions, command: Command): void {
  if (options.persistedOnly === true && options.persistedDocuments === undefined) {
    command.error("option '--persisted-only' needs '--persisted-documents <file>'.");
  }
}

/** The options as arguments of another process. */
export function persistedDocumentsArguments(options: PersistedDocumentsOptions): readonly string[] {
  const { persistedDocuments: file, persistedOnly: isOnly = false } = options;
  return [...(file === undefined ? [] : ["--persisted-documents", file]), ...(isOnly ? ["--persisted-only"] : [])];
}

/** Null without the option. Fails when the file cannot be read, and names a document in it that cannot be executed. */
export async function readPersistedDocuments(
  options: PersistedDocumentsOptions,
  bounds: GatewayBounds,
): Promise<PersistedDocuments | null> {
  const { persistedDocuments: file, persistedOnly: isOnly = false } = options;
  if (file === undefined) return null;
  const text = await readBounded(file, persistedDocumentsBytesMax);
  try {
    return { texts: parsePersistedDocuments(text, bounds), isOnly };
  } catch (error) {
    if (error instanceof ShardgateError) throw new CommandFailure(`Cannot use ${file}: ${error.message}`);
    throw error;
  }
}
