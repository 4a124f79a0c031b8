/** Keys of the documents in an LMDB environment, and the data formats. */

/** Key of the document that names the format; it always exists. */
export const formatKey = Buffer.from("format");

/** Key of the storage node's own document. */
export const documentKey = Buffer.from("document");

/** Key of a counter that grows with every change of a fence, so that readers may cache fences. */
export const fencesKey = Buffer.from("fences");

/** The current format. It changes when an older program could no longer read the data. */
export const format = "2";

/** The format of version 0.1.0: no checksums, claims or change feed. */
export const firstFormat = "1";

/** The format during an upgrade: some entries have been moved. */
export const upgradingFormat = "1 to 2";
