/** What the documents of an LMDB environment are called, and the formats of its data. */

/** Of the document that says the format; always there. */
export const formatKey = Buffer.from("format");

/** Of the storage node's own document. */
export const documentKey = Buffer.from("document");

/** Of a number that changes with every change of a fence, so that readers may keep fences in memory. */
export const fencesKey = Buffer.from("fences");

/** Changes when data written by this program could not be read by an older one. */
export const format = "2";

/** What version 0.1.0 wrote: no checksums, claims or change feed. */
export const firstFormat = "1";

/** Between the formats: some entries have moved already. */
export const upgradingFormat = "1 to 2";
