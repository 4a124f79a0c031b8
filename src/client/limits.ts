/**
 * Every bound of the client, with its reason. They are separate from those of the gateway because the client imports
 * nothing from it. Times are in milliseconds.
 */

/** Most keys in one request: the gateway accepts as many in one `entries` field. */
export const requestKeysMax = 1000;

/**
 * Most bytes of the items in one request of writes: two values of maximum length; with usual JSON, a good part of the
 * arrays, objects and members that the gateway accepts in one body.
 */
export const requestBytesMax = 2 * 1024 * 1024;

/**
 * Most requests of one batch of reads in flight; of the six connections that browsers open to one host, two stay free.
 */
export const requestsInFlightMax = 4;

/** Default time that one call may take, retries included: three times the gateway's own deadline. */
export const callTimeoutMs = 15_000;

/** Default for the most attempts of one call, the first included; the gateway itself makes several. */
export const callAttemptsMax = 3;

/**
 * Upper bound of the pause before the second attempt. It doubles with each attempt; the pause is random from zero to
 * the bound (full jitter).
 */
export const pauseMs = 50;

/** Longest pause before another attempt. */
export const pauseMsMax = 1_000;

/** Default number of entries in one page of a scan. */
export const scanPageEntries = 100;

/** Default for the most writes of one `update`: with ten concurrent writers of one key, all of them succeed. */
export const updateAttemptsMax = 10;
