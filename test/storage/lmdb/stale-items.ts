/** Bounds under which the change index is shortened early, and the number of its items. */
import { sectionsOf } from "../../../src/storage/lmdb/records/change-journal.js";
import { itemsOfList, unpackItems } from "../../../src/storage/lmdb/records/change-list.js";
import { openDatabasesReadOnly } from "../../../src/storage/lmdb/records/open-databases.js";
import type { IndexBounds } from "../../../src/storage/lmdb/records/index-upkeep.js";
import { numberOfKey, shardOfKeyBytes } from "../../../src/storage/lmdb/records/record.js";

/** One remembers all stale items, the other none, so that all must be found by walks. */
export const listing: IndexBounds = {
  journalMin: 1000,
  journalBytesMax: 200,
  staleMin: 10,
  perKeyMax: 0.5,
  listedMax: 1000,
  itemsMax: 7,
  bytesMax: 1e6,
};
export const walking: IndexBounds = { ...listing, listedMax: 0 };

/** Number of items in the lists and the journal of the data in `folder`. */
export async function itemCount(folder: string): Promise<number> {
  const databases = await openDatabasesReadOnly(folder);
  const lists = [...databases.changes.getRange()].map(({ key, value }) =>
    itemsOfList(shardOfKeyBytes(key), numberOfKey(key), value),
  );
  const journal = [...databases.journal.getRange()].flatMap(({ key, value }) => sectionsOf(key, value));
  await databases.root.close();
  return [...lists, ...journal].flatMap(unpackItems).length;
}
