/** Opens the data folder of a storage node, provided that this program wrote it; older formats are upgraded first. */
import { ShardgateError } from "../../../core/error.js";
import {
  knownNames,
  openAll,
  openDocuments,
  openFirstFormat,
  openRoot,
  type Bytes,
  type Databases,
  type FirstFormat,
  type Root,
} from "./databases.js";
import { firstFormat, format, formatKey, upgradingFormat } from "./record-format.js";
import { decodeText, encodeText } from "./record.js";
import { upgradeDatabases } from "./upgrade.js";

const upgradableFormats: readonly string[] = [firstFormat, upgradingFormat];

/**
 * Opens a folder that `checkLmdbFolder` has accepted, upgrading data of the first format. Throws STORAGE_FAILED,
 * leaving the file untouched, when another program or a newer format wrote it, and passes on errors of lmdb.
 */
export async function openDatabases(folder: string): Promise<Databases> {
  const root = openRoot(folder, false);
  try {
    refuseOtherData(folder, root);
    const written = formatOf(openDocuments(root));
    const isKnown = written === null || written === format || upgradableFormats.includes(written);
    if (!isKnown) throw foreignData(folder, "has another format");
    const databases = openAll(root);
    if (written === null) await databases.documents.put(formatKey, encodeText(format));
    else if (written !== format) await upgradeDatabases({ ...databases, ...openFirstFormat(root) });
    return databases;
  } catch (error) {
    await root.close();
    throw error;
  }
}

/** As `openDatabases`, but read-only: nothing is created or upgraded, and older formats are refused too. */
export async function openDatabasesReadOnly(folder: string): Promise<Databases> {
  const root = openRoot(folder, true);
  try {
    refuseOtherData(folder, root);
    const written = formatOf(openDocuments(root));
    if (written !== null && upgradableFormats.includes(written)) {
      throw foreignData(folder, "was written by an older version; start its storage node once to upgrade it, or");
    }
    if (written !== format) throw foreignData(folder, "has another format");
    return openAll(root);
  } catch (error) {
    await root.close();
    throw error;
  }
}

/** The databases of the first format, possibly partly upgraded, together with those that they are upgraded to. */
export function openForUpgrade(folder: string): Databases & FirstFormat {
  const root = openRoot(folder, false);
  return { ...openAll(root), ...openFirstFormat(root) };
}

function refuseOtherData(folder: string, root: Root): void {
  const found = [...root.getKeys()].map((name) => Buffer.from(name).toString("utf8").replace(/\0$/, ""));
  if (found.some((name) => !knownNames.includes(name))) throw foreignData(folder, "holds other data");
}

function formatOf(documents: Bytes | undefined): string | null {
  const written = documents?.get(formatKey);
  return written === undefined ? null : decodeText(written);
}

function foreignData(folder: string, what: string): ShardgateError {
  return new ShardgateError(
    "STORAGE_FAILED",
    `The LMDB file in ${folder} ${what}. It was left untouched: use the version of this program that wrote it, or another folder.`,
  );
}
