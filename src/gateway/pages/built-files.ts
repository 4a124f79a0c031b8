/**
 * Serves files that the build made for browsers, kept in memory gzip-compressed as they are on disk. Their paths
 * contain a hash of all of them, so that browsers may cache them for ever.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import path from "node:path";
import { gunzip } from "node:zlib";
import { acceptsEncoding } from "../accept.js";

export interface BuiltFiles {
  /** The beginning of the targets of all files, with a slash at the end: `/playground/0123456789abcdef/`. */
  readonly base: string;
  /** Answers a GET or HEAD of one of the files. Returns false, without answering, for all other requests. */
  answer(request: IncomingMessage, response: ServerResponse): boolean;
}

/**
 * The files `NAME.gz` of `folder`, served as `PREFIX/HASH/NAME`, which may be a path or a query; null when there is no
 * such folder. `headers` are sent with each of them.
 */
export function loadBuiltFiles(folder: string, prefix: string, headers: OutgoingHttpHeaders): BuiltFiles | null {
  const files = readFiles(folder);
  if (files === null) return null;
  const hash = createHash("sha256");
  for (const [name, content] of files) hash.update(`${name} ${content.length} `).update(content);
  const version = hash.digest("hex").slice(0, 16);
  const base = `${prefix}/${version}/`;
  const answer = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { method = "", url = "" } = request;
    if (!url.startsWith(base) || (method !== "GET" && method !== "HEAD")) return false;
    const name = url.slice(base.length).replace(/\?.*$/s, "");
    const content = files.get(name);
    if (content === undefined) return false;
    response.setHeader("cache-control", "public, max-age=31536000, immutable");
    response.setHeader("etag", `"${version}"`);
    response.setHeader("vary", "accept-encoding");
    response.setHeader("content-type", mediaTypes[path.extname(name)] ?? "application/octet-stream");
    for (const [header, value] of Object.entries(headers)) response.setHeader(header, value ?? "");
    send(content, request, response);
    return true;
  };
  return { base, answer };
}

/** Content by name, sorted by name; null when there is no such folder. */
function readFiles(folder: string): ReadonlyMap<string, Buffer> | null {
  try {
    const names = readdirSync(folder).toSorted();
    return new Map(names.map((name) => [name.replace(/\.gz$/, ""), readFileSync(path.join(folder, name))]));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

const mediaTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".svg": "image/svg+xml",
};

function send(compressed: Buffer, { method, headers }: IncomingMessage, response: ServerResponse): void {
  const known = headers["if-none-match"]?.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  if (known?.includes(String(response.getHeader("etag"))) === true) {
    response.writeHead(304).end();
    return;
  }
  const end = (body: Buffer): void => {
    response.setHeader("content-length", body.length);
    response.end(method === "HEAD" ? undefined : body);
  };
  if (acceptsEncoding(headers["accept-encoding"], "gzip")) {
    response.setHeader("content-encoding", "gzip");
    end(compressed);
    return;
  }
  gunzip(compressed, (error, body) => {
    if (error === null) end(body);
    else response.writeHead(500).end();
  });
}
