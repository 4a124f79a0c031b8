/**
 * The options of a client, and what they are when nobody says otherwise: the only place that reaches for the real
 * network, timers and random numbers.
 */
import { jsonDocuments, textDocuments, type Documents } from "./documents.js";

/** How long one call may take, retries included, when nobody says otherwise: three times the gateway's own deadline. */
export const callTimeoutMs = 15_000;

/** Most attempts at one call, the first included, when nobody says otherwise; the gateway makes several itself. */
const callAttemptsMax = 3;

/** First pause before another attempt; doubles with each, and is drawn at random from zero to itself (full jitter). */
const pauseMs = 50;

/** Longest pause before another attempt. */
const pauseMsMax = 1_000;

export interface ClientOptions {
  /** URL of the gateway's GraphQL endpoint, such as `http://127.0.0.1:4000/graphql`; in a browser also `/graphql`. */
  readonly endpoint: string;
  /** Headers of every request, for example a token. A function is called for each request, and may be asynchronous. */
  readonly headers?: RequestHeaders | (() => RequestHeaders | Promise<RequestHeaders>) | undefined;
  /** How long one request of reads or writes, or one page, may take in milliseconds, retries included. 15 000 unless said otherwise. */
  readonly timeoutMs?: number | undefined;
  /** Most attempts at one call, the first included; 1 means no retries. 3 unless said otherwise. */
  readonly attemptsMax?: number | undefined;
  /**
   * Reads a value's JSON text in place of `JSON.parse`, for example to keep the digits of big numbers. It is called for
   * each reader of a value; what it throws is thrown by the call.
   */
  readonly parseValue?: ((text: string) => unknown) | undefined;
  /** Writes a value as JSON text in place of `JSON.stringify`. The text is stored as it is, byte for byte. */
  readonly stringifyValue?: ((value: unknown) => string) | undefined;
  /** Sends the SHA-256 of each document instead of its text, for gateways that know them (see `clientDocuments`). */
  readonly sendsDocumentIds?: boolean | undefined;
  /** In place of the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Numbers from 0 to below 1, in place of `Math.random`; they spread retries. */
  readonly random?: (() => number) | undefined;
  /** Runs `callback` after `delayMs`, in place of `setTimeout`; returns what cancels it. */
  readonly after?: ((delayMs: number, callback: () => void) => () => void) | undefined;
  /** Runs `flush` when the reads to be sent together have gathered; the end of the tick unless said otherwise. */
  readonly scheduleBatch?: ((flush: () => void) => void) | undefined;
}

export type RequestHeaders = Readonly<Record<string, string>>;

/** The options with nothing left open. */
export interface Settings {
  readonly endpoint: string;
  readonly headers: () => RequestHeaders | Promise<RequestHeaders>;
  readonly timeoutMs: number;
  readonly attemptsMax: number;
  /** Before the second attempt; doubles with each further one. */
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
  // A page's own host; two slashes would begin another host's name.
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

/** Behind all promises that are ready to go on, so that calls made by them are gathered too. */
function atEndOfTick(flush: () => void): void {
  const { setImmediate } = globalThis as { readonly setImmediate?: (callback: () => void) => unknown };
  if (setImmediate === undefined) setTimeout(flush, 0);
  else setImmediate(flush);
}
