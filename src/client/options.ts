/**
 * The options of a client and their defaults. This is the only file that uses the real network, timers and random
 * numbers.
 */
import { jsonDocuments, textDocuments, type Documents } from "./documents.js";

/** Default time that one call may take, retries included: three times the gateway's own deadline. */
export const callTimeoutMs = 15_000;

/** Default for the most attempts of one call, the first included; the gateway itself makes several. */
const callAttemptsMax = 3;

/**
 * Upper bound of the pause before the second attempt. It doubles with each attempt; the pause is random from zero to
 * the bound (full jitter).
 */
const pauseMs = 50;

/** Longest pause before another attempt. */
const pauseMsMax = 1_000;

export interface ClientOptions {
  /** URL of the gateway's GraphQL endpoint, such as `http://127.0.0.1:4000/graphql`; in a browser also `/graphql`. */
  readonly endpoint: string;
  /** Headers of every request, for example a token. A function is called for each request and may be asynchronous. */
  readonly headers?: RequestHeaders | (() => RequestHeaders | Promise<RequestHeaders>) | undefined;
  /**
   * How long one request of reads or writes, or one page, may take in milliseconds, retries included. Default: 15 000.
   */
  readonly timeoutMs?: number | undefined;
  /** Most attempts of one call, the first included; 1 means no retries. Default: 3. */
  readonly attemptsMax?: number | undefined;
  /**
   * Parses a value's JSON text instead of `JSON.parse`, for example to keep the digits of big numbers. It is called for
   * each reader of a value; an error that it throws is thrown by the call.
   */
  readonly parseValue?: ((text: string) => unknown) | undefined;
  /** Serializes a value as JSON text instead of `JSON.stringify`. The text is stored unchanged, byte for byte. */
  readonly stringifyValue?: ((value: unknown) => string) | undefined;
  /**
   * Sends the SHA-256 of each document instead of its text, for gateways that have the documents (see
   * `clientDocuments`).
   */
  readonly sendsDocumentIds?: boolean | undefined;
  /** Replaces the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Returns numbers from 0 to below 1 instead of `Math.random`; they spread retries. */
  readonly random?: (() => number) | undefined;
  /** Runs `callback` after `delayMs` instead of `setTimeout`; returns the function that cancels it. */
  readonly after?: ((delayMs: number, callback: () => void) => () => void) | undefined;
  /** Runs `flush` when the reads of one request have been collected. Default: at the end of the tick. */
  readonly scheduleBatch?: ((flush: () => void) => void) | undefined;
}

export type RequestHeaders = Readonly<Record<string, string>>;

/** The options with all defaults applied. */
export interface Settings {
  readonly endpoint: string;
  readonly headers: () => RequestHeaders | Promise<RequestHeaders>;
  readonly timeoutMs: number;
  readonly attemptsMax: number;
  /** Upper bound of the pause before the second attempt; doubles with each further one. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
  /** Null: values were parsed with the answer. */
  readonly parseValue: ((text: string) => unknown) | null;
  readonly stringifyValue: (value: unknown) => string | undefined;
  readonly sendsDocumentIds: boolean;
  readonly documents: Documents;
  readonly fetch: typeof globalThis.fetch;
  readonly random: () => number;
  readonly after: (delayMs: number, callback: () => void) => () => void;
  readonly scheduleBatch: (flush: () => void) => void;
}

export function settingsOf(options: ClientOptions): Settings {
  const { headers = {}, parseValue } = options;
  return {
    endpoint: endpointOf(options),
    headers: typeof headers === "function" ? headers : () => headers,
    timeoutMs: options.timeoutMs ?? callTimeoutMs,
    attemptsMax: options.attemptsMax ?? callAttemptsMax,
    pauseMs,
    pauseMsMax,
    parseValue: parseValue ?? null,
    stringifyValue: options.stringifyValue ?? ((value) => JSON.stringify(value)),
    sendsDocumentIds: options.sendsDocumentIds ?? false,
    documents: parseValue === undefined ? jsonDocuments : textDocuments,
    // Looked up at each call, and called as a function: browsers refuse a `fetch` with another `this`.
    fetch: options.fetch ?? ((input, init) => globalThis.fetch(input, init)),
    random: options.random ?? Math.random,
    after: options.after ?? afterTimeout,
    scheduleBatch: options.scheduleBatch ?? atEndOfTick,
  };
}

/** Throws TypeError: a wrong endpoint would otherwise look like a gateway that does not answer. */
function endpointOf({ endpoint }: ClientOptions): string {
  // A path on the page's own host; two slashes would begin the name of another host.
  if (/^\/(?!\/)/.test(endpoint)) return endpoint;
  const url = /^https?:\/\//i.test(endpoint) && URL.canParse(endpoint) ? new URL(endpoint) : null;
  if (url === null) {
    throw new TypeError(
      `\`endpoint\` is ${JSON.stringify(endpoint)}; it must be an http or https URL such as ` +
        '"http://127.0.0.1:4000/graphql", or a path such as "/graphql" in a browser.',
    );
  }
  if (url.username + url.password === "") return endpoint;
  throw new TypeError("`endpoint` must have no user name and no password; send them in `headers`.");
}

function afterTimeout(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}

/** Runs after all promises that are ready to continue, so that reads that they start are collected too. */
function atEndOfTick(flush: () => void): void {
  const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown };
  if (setImmediate === undefined) setTimeout(flush, 0);
  else setImmediate(flush);
}
