/** The schemas of `/data/{key}`, for `/openapi.json` and for fastify's validation. */
import type { ValueBounds } from "../../../core/text/json-text.js";
import { keyBytesMax, ttlSecondsMax } from "../../../core/limits.js";
import {
  createdAtHeader,
  expiresAtHeader,
  nodeHeader,
  shardHeader,
  traceHeader,
  versionHeader,
} from "../../../wire/paths.js";
import { commonProblems, emptyAnswer, jsonAnswer, problemAnswer, type Schema } from "./schemas.js";
import { serverTimingHeader } from "../server-timing.js";

const params = {
  type: "object",
  required: ["key"],
  properties: {
    key: {
      type: "string",
      description: `The key: 1 to ${keyBytesMax} bytes of UTF-8, percent-encoded (\`/\` becomes \`%2F\`).`,
      examples: ["user123"],
    },
  },
};

const traceHeaders = {
  [traceHeader]: { type: "string", description: "`1`: the answer reports the storage node's time in `Server-Timing`." },
};

const readHeaders = {
  type: "object",
  properties: {
    "if-none-match": { type: "string", description: "The answer is 304 when the entry still has this ETag." },
    ...traceHeaders,
  },
};

const writeHeaders = {
  type: "object",
  properties: {
    "if-match": {
      type: "string",
      description:
        'The entry must have this version (`"7"`, also when a proxy made it `W/"7"`), or exist (`*`). Other tags fail.',
    },
    "if-none-match": { type: "string", description: "Only `*`: the key must not exist." },
    ...traceHeaders,
  },
};

const placeHeaders = {
  [shardHeader]: { type: "integer", description: "The shard that owns the key." },
  [nodeHeader]: { type: "string", description: "The storage node that serves the shard." },
  [serverTimingHeader]: {
    type: "string",
    description: "With `x-shardgate-trace: 1`: milliseconds of wait and service.",
  },
};

const entryHeaders = {
  ...placeHeaders,
  etag: { type: "string", description: "The entry's version in quotes; absent when the storage node keeps none." },
  [versionHeader]: {
    type: "string",
    description: "The same version as in the ETag. Compressing proxies may change the ETag, but not this header.",
  },
  "last-modified": { type: "string", description: "When the entry was last written." },
  [createdAtHeader]: { type: "string", format: "date-time", description: "When the entry was first written." },
  [expiresAtHeader]: { type: "string", format: "date-time", description: "When the entry expires; absent: never." },
};

const problems: Readonly<Record<string, Schema>> = {
  ...commonProblems,
  400: problemAnswer(
    "INVALID_KEY, or BAD_REQUEST for an invalid header or parameter, such as a `ttl` beyond the year 9999.",
  ),
  503: problemAnswer("SHARD_UNAVAILABLE, OVERLOADED."),
  504: problemAnswer("OUTCOME_UNKNOWN (writes only): the storage node's answer was lost."),
  507: problemAnswer("STORAGE_FULL (writes only)."),
};

const notModified = emptyAnswer("The client has this version already.", entryHeaders);
const notFound = problemAnswer("KEY_NOT_FOUND.");
const conflict = problemAnswer(
  "VERSION_CONFLICT: the condition does not hold; `version` is the entry's current version.",
);
const notSupported = problemAnswer(
  "NOT_SUPPORTED: a plain storage node keeps no versions and no expiry. TRANSFER_ENCODING_NOT_SUPPORTED.",
);

export const getSchema = {
  operationId: "getValue",
  summary: "Read a value",
  tags: ["data"],
  params,
  headers: readHeaders,
  response: {
    ...problems,
    200: jsonAnswer("The value as it was written, byte for byte.", { description: "Any JSON value." }, entryHeaders),
    304: notModified,
    404: notFound,
  },
};

export const headSchema = {
  // The OpenAPI generator appends "-head", as in "getValue-head".
  operationId: "getValue",
  summary: "Read an entry's headers without its value",
  tags: ["data"],
  params,
  headers: readHeaders,
  response: { ...problems, 200: emptyAnswer("The key exists.", entryHeaders), 304: notModified, 404: notFound },
};

export const putSchema = ({ valueBytes, valueDepth }: ValueBounds): Schema => ({
  operationId: "putValue",
  summary: "Write a value",
  description: "The body is stored as sent, whatever its `content-type`. Without `ttl` the entry never expires.",
  tags: ["data"],
  params,
  headers: writeHeaders,
  querystring: {
    type: "object",
    properties: {
      ttl: {
        type: "string",
        pattern: "^[1-9][0-9]*$",
        description: `Seconds until the entry expires: a whole number from 1 to ${ttlSecondsMax}.`,
        examples: ["3600"],
      },
    },
  },
  body: {
    content: {
      "application/json": {
        schema: { description: `Any JSON value, at most ${valueBytes} bytes, nested at most ${valueDepth} deep.` },
      },
    },
  },
  response: {
    ...problems,
    200: emptyAnswer("An existing entry was replaced.", entryHeaders),
    201: emptyAnswer("The entry is new.", entryHeaders),
    412: conflict,
    413: problemAnswer("BODY_TOO_LARGE."),
    422: problemAnswer("INVALID_VALUE."),
    501: notSupported,
  },
});

export const deleteSchema = {
  operationId: "deleteValue",
  summary: "Delete an entry",
  tags: ["data"],
  params,
  headers: writeHeaders,
  response: {
    ...problems,
    204: emptyAnswer("The entry was deleted.", placeHeaders),
    404: notFound,
    412: conflict,
    501: notSupported,
  },
};
