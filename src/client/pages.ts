/** Iterates over the pages of a scan. */

/** `cursor` is where the next page begins; null after the last one. */
export interface Paged {
  readonly cursor: string | null;
}

/** Reads each page when it is requested, beginning after `after`. */
export async function* pagesFrom<Page extends Paged>(
  after: string | null,
  read: (after: string | null) => Promise<Page>,
): AsyncGenerator<Page, void, undefined> {
  let cursor = after;
  do {
    const page = await read(cursor);
    yield page;
    ({ cursor } = page);
  } while (cursor !== null);
}
