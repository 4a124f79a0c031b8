/**
 * Every bound of the client, with its reason. They stand apart from those of the gateway because the client imports
 * nothing of it. Times are milliseconds.
 */

/** Most keys in one request: the gateway takes as many in one `entries` field. */
export const requestKeysMax = 1000;

/**
 * Most bytes of the items in one request of writes: two values of the longest kind, and of usual JSON a good part of the
 * arrays, objects and members that the gateway takes in one body.
 */
export const requestBytesMax = 2 * 1024 * 1024;

/** Most requests of one batch of reads in flight; the six connections that browsers open to one host leave two free. */
export const requestsInFlightMax = 4;

/** How long one call may take, retries included, when nobody says otherwise: three times the gateway's own deadline. */
export const callTimeoutMs = 15_000;

/** Most attempts at one call, the first included, when nobody says otherwise; the gateway makes several itself. */
export const callAttemptsMax = 3;

/** First pause before another attempt; doubles with each, and is drawn at random from zero to itself (full jitter). */
export const pauseMs = 50;

/** Longest pause before another attempt. */
export const pauseMsMax = 1_000;

/** Entries of one page of a scan when nobody says otherwise. */
export const scanPageEntries = 100;

/** Most writes of one `update` when nobody says otherwise: ten writers of one key at a time all get through. */
export const updateAttemptsMax = 10;
