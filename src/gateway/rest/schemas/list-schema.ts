/** The schema of `GET /data`, for `/openapi.json` and for fastify's validation. */
import type { GatewayBounds } from "../../../core/bounds.js";
import { pageEntriesDefault } from "../../../core/limits.js";
import { commonProblems, jsonAnswer, problemAnswer, type Schema } from "./schemas.js";

const time = (description: string): Schema => ({ type: ["string", "null"], format: "date-time", description });

const entry = {
  type: "object",
  required: ["key", "version", "createdAt", "updatedAt", "expiresAt", "value"],
  properties: {
    key: { type: "string" },
    version: {
      type: ["string", "null"],
      description: "The entry's version, for `If-Match`; null when the storage node keeps none.",
    },
    createdAt: time("When the key was first written."),
    updatedAt: time("When the value was last written."),
    expiresAt: time("When the entry expires; null means never."),
    value: { description: "The value as it was written, byte for byte." },
  },
};

export const listSchema = ({ pageEntries, requestCost }: GatewayBounds): Schema => ({
  operationId: "listEntries",
  summary: "List entries in key order",
  description:
    "Keys are in the order of their bytes, over all shards. A page costs its limit and the number of shards, of " +
    `${requestCost} that one request may ask for. It ends early when its values are long.`,
  tags: ["data"],
  querystring: {
    type: "object",
    properties: {
      prefix: { type: "string", description: "Only keys that begin with this prefix." },
      after: { type: "string", description: "Only keys after this one; pass `next` of the previous page." },
      limit: {
        type: "string",
        pattern: "^[1-9][0-9]*$",
        description: `Maximum number of entries in the page: 1 to ${pageEntries}, by default ${Math.min(pageEntriesDefault, pageEntries)}.`,
        examples: ["10"],
      },
    },
  },
  response: {
    ...commonProblems,
    200: jsonAnswer("A page of entries.", {
      type: "object",
      required: ["entries", "next", "unavailableShards"],
      properties: {
        entries: { type: "array", items: entry },
        next: { type: ["string", "null"], description: "Value of `after` for the next page; null on the last page." },
        unavailableShards: {
          type: "array",
          items: { type: "integer" },
          description: "Shards that could not answer; their entries are missing from this page.",
        },
      },
    }),
    400: problemAnswer("BAD_REQUEST: a parameter is invalid. REQUEST_TOO_COSTLY."),
    403: problemAnswer("FORBIDDEN: the caller may not read all keys that begin with `prefix`."),
    413: problemAnswer("ANSWER_TOO_LARGE."),
  },
});
