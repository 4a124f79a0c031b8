/** Compare-and-set over REST behind a proxy that compresses answers, and so weakens their ETags (RFC 9110, 8.8.3). */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nginxPath, startNginx } from "../../support/nginx.js";
import { freePorts, temporaryFolder, type Run } from "../../support/processes.js";
import { startTestGateway, type TestGateway } from "../test-gateway.js";

const value = JSON.stringify({ text: "long enough to be compressed ".repeat(20) });

describe.skipIf(nginxPath === undefined)("behind nginx with gzip", () => {
  let gateway: TestGateway;
  let nginx: Run;
  let origin: string;
  const folder = temporaryFolder();
  beforeAll(async () => {
    gateway = await startTestGateway();
    await gateway.register("node1");
    const gzip = "gzip on; gzip_types application/json; gzip_min_length 1; gzip_proxied any;";
    const [port = 0] = await freePorts(1);
    origin = `http://127.0.0.1:${port}`;
    nginx = await startNginx(folder.path, port, [Number(new URL(gateway.url).port)], gzip);
  });
  afterAll(async () => {
    await nginx.stop();
    await gateway.close();
    folder.remove();
  });

  const send = (method: string, headers: Readonly<Record<string, string>> = {}, body?: string): Promise<Response> =>
    fetch(`${origin}/data/k`, { method, headers, ...(body !== undefined && { body }) });

  it("a write accepts the tag or the version of the answer that was read, and no other", async () => {
    expect((await send("PUT", {}, value)).status).toBe(201);
    const read = await send("GET");
    expect(read.headers.get("content-encoding")).toBe("gzip");
    expect([read.headers.get("etag"), read.headers.get("x-version")]).toEqual(['W/"1"', "1"]);
    expect(await read.text()).toBe(value);
    expect((await send("PUT", { "if-match": 'W/"1"' }, value)).status).toBe(200);
    expect((await send("PUT", { "if-match": 'W/"1"' }, value)).status).toBe(412);
    const version = (await send("GET")).headers.get("x-version") ?? "";
    expect((await send("PUT", { "if-match": `"${version}"` }, value)).status).toBe(200);
    expect((await send("DELETE", { "if-match": `"${version}"` })).status).toBe(412);
    expect((await send("GET", { "if-none-match": 'W/"3"' })).status).toBe(304);
    expect((await send("DELETE", { "if-match": 'W/"3"' })).status).toBe(204);
  });
});
