import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { loadBuiltFiles, type BuiltFiles } from "../../../src/gateway/pages/built-files.js";
import { temporaryFolder } from "../../support/processes.js";

const folder = temporaryFolder();
let server: Server;
let files: BuiltFiles;

function put(name: string, content: string | Buffer): void {
  writeFileSync(path.join(folder.path, `${name}.gz`), typeof content === "string" ? gzipSync(content) : content);
}

function load(): BuiltFiles {
  const loaded = loadBuiltFiles(folder.path, "/page", { "x-of-all": "yes" });
  if (loaded === null) throw new Error("The folder is missing.");
  return loaded;
}

beforeEach(async () => {
  mkdirSync(folder.path, { recursive: true });
  for (const [name, content] of [
    ["a.js", "let a;"],
    ["b.css", "b {}"],
    ["c.svg", "<svg/>"],
    ["d.bin", "d"],
  ] as const) {
    put(name, content);
  }
  put("broken.js", Buffer.from("no gzip"));
  files = load();
  server = createServer((request, response) => {
    if (!files.answer(request, response)) response.writeHead(404).end("not of the files");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await new Promise((resolve) => server.close(resolve));
  folder.remove();
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
}

/** Bytes as they are received: not decompressed. */
function get(target: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  const { port } = server.address() as AddressInfo;
  return new Promise((resolve, reject) => {
    const options = { port, path: target, method, headers, agent: false };
    const sent = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on("error", reject).end();
  });
}

describe("built files", () => {
  it("are sent compressed as they are on disk, to be cached for ever, with the given headers", async () => {
    const { status, headers, body } = await get(`${files.base}a.js`, { "accept-encoding": "br, gzip" });
    expect([status, body.equals(gzipSync("let a;"))]).toEqual([200, true]);
    expect(headers).toMatchObject({
      "content-type": "text/javascript; charset=utf-8",
      "content-encoding": "gzip",
      "content-length": String(body.length),
      "cache-control": "public, max-age=31536000, immutable",
      vary: "accept-encoding",
      "x-of-all": "yes",
    });
  });

  it("are sent as plain text to clients that do not accept gzip", async () => {
    const { headers, body } = await get(`${files.base}b.css?query`);
    expect(body.toString()).toBe("b {}");
    expect(headers).toMatchObject({ "content-type": "text/css; charset=utf-8", "content-length": "4" });
    expect(headers).not.toHaveProperty("content-encoding");
    expect((await get(`${files.base}broken.js`)).status).toBe(500);
  });

  it("have the media type of their name", async () => {
    expect((await get(`${files.base}c.svg`)).headers["content-type"]).toBe("image/svg+xml");
    expect((await get(`${files.base}d.bin`)).headers["content-type"]).toBe("application/octet-stream");
  });

  it("are not sent again to clients that have them, nor in answer to HEAD", async () => {
    const { headers } = await get(`${files.base}a.js`);
    const etag = String(headers["etag"]);
    for (const known of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const again = await get(`${files.base}a.js`, { "if-none-match": known });
      expect([again.status, again.body.length, again.headers["etag"]]).toEqual([304, 0, etag]);
    }
    expect((await get(`${files.base}a.js`, { "if-none-match": '"other"' })).status).toBe(200);
    const head = await get(`${files.base}a.js`, { "accept-encoding": "gzip" }, "HEAD");
    expect([head.status, head.body.length, head.headers["content-length"]]).toEqual([
      200,
      0,
      String(gzipSync("let a;").length),
    ]);
  });

  it("leave every other request to others", async () => {
    for (const target of [files.base, `${files.base}none.js`, "/page/a.js", "/a.js", `${files.base}../a.js`]) {
      expect((await get(target)).body.toString()).toBe("not of the files");
    }
    expect((await get(`${files.base}a.js`, {}, "POST")).status).toBe(404);
  });

  it("may be queries of a page's address instead of paths", async () => {
    const loaded = loadBuiltFiles(folder.path, "/?page", {});
    if (loaded === null) throw new Error("The folder is missing.");
    files = loaded;
    expect(files.base).toMatch(/^\/\?page\/[0-9a-f]{16}\/$/);
    expect((await get(`${files.base}a.js`)).body.toString()).toBe("let a;");
    for (const target of ["/", "/?page", files.base, `${files.base}none.js`, `/x${files.base.slice(1)}a.js`]) {
      expect((await get(target)).status).toBe(404);
    }
  });

  it("have another address when one of them changes", () => {
    expect(files.base).toMatch(/^\/page\/[0-9a-f]{16}\/$/);
    expect(load().base).toBe(files.base);
    put("a.js", "let b;");
    expect(load().base).not.toBe(files.base);
  });

  it("are null when there is no folder; a folder that cannot be read is an error", () => {
    expect(loadBuiltFiles(path.join(folder.path, "none"), "/page", {})).toBeNull();
    expect(() => loadBuiltFiles(path.join(folder.path, "a.js.gz"), "/page", {})).toThrow("ENOTDIR");
  });
});
