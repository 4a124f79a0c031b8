/** A real nginx with deploy/nginx.conf, in front of a gateway and of servers that are not there. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { eventText, streamHeaders } from "../../src/gateway/pages/console/watchers.js";
import { startTestGateway, type TestGateway } from "../gateway/test-gateway.js";
import { graphql } from "../support/gateway-calls.js";
import { kitConfiguration, nginxPath, runNginx } from "../support/nginx.js";
import { eventually, freePorts, temporaryFolder, type Run } from "../support/processes.js";

/** Serves until the test ends; resolves to its URL. */
async function startNginx(
  folder: string,
  gatewayPorts: readonly number[],
): Promise<readonly [nginx: Run, origin: string]> {
  const [port = 0] = await freePorts(1);
  const nginx = runNginx(folder, kitConfiguration(folder, port, gatewayPorts));
  const origin = `http://127.0.0.1:${port}`;
  await eventually(() => fetch(`${origin}/health`));
  return [nginx, origin];
}

describe.skipIf(nginxPath === undefined)("nginx with deploy/nginx.conf", () => {
  const folder = temporaryFolder();
  let gateway: TestGateway;
  let nginx: Run;
  let origin: string;
  beforeAll(async () => {
    gateway = await startTestGateway();
    await gateway.register("node1");
    const [missing = 0] = await freePorts(1);
    const port = Number(new URL(gateway.url).port);
    [nginx, origin] = await startNginx(folder.path, [port, missing, port]);
  });
  afterAll(async () => {
    await nginx.stop();
    await gateway.close();
    folder.remove();
  });

  it("loses no request to a gateway that is not there, also none that writes", async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        graphql(origin, `mutation { put(key: "k${index}", value: 1) { __typename } }`),
      ),
    );
    expect(answers.filter(({ errors }) => errors !== undefined)).toEqual([]);
  });

  it("passes on bodies as large as a gateway takes", async () => {
    const items = Array.from({ length: 4 }, (_, index) => ({ key: `large${index}`, value: "x".repeat(1_000_000) }));
    const answer = await graphql(origin, "mutation ($items: [PutInput!]!) { putMany(items: $items) { __typename } }", {
      items,
    });
    expect(answer).toEqual({ data: { putMany: items.map(() => expect.anything() as unknown) } });
  });

  it("logs the request id of each answer, which is in the gateway's log", async () => {
    const answer = await fetch(`${origin}/health`, { headers: { "x-request-id": "of-the-client" } });
    expect(answer.headers.get("x-request-id")).toBe("of-the-client");
    const other = (await fetch(`${origin}/health`)).headers.get("x-request-id") ?? "none";
    await eventually(() => {
      const log = readFileSync(path.join(folder.path, "access.log"), "utf8");
      expect(log).toMatch(/"GET \/health HTTP\/1\.1" 200 \S+ \S+ of-the-client$/m);
      expect(log).toContain(` ${other}\n`);
    });
  });
});

describe.skipIf(nginxPath === undefined)("in front of a server of the test, nginx with deploy/nginx.conf", () => {
  const folder = temporaryFolder();
  const seen: http.IncomingHttpHeaders[] = [];
  const streams: http.ServerResponse[] = [];
  const server = http.createServer((request, response) => {
    seen.push(request.headers);
    if (request.url === "/dies") return void request.socket.destroy();
    if (request.url !== "/events") return void response.end("served");
    response.writeHead(200, streamHeaders);
    response.write(eventText("first", {}));
    streams.push(response);
  });
  server.on("upgrade", (request, socket) => {
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${request.headers.upgrade}\r\n\r\n`,
    );
    socket.pipe(socket);
  });
  let nginx: Run;
  let origin: string;
  beforeAll(async () => {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    [nginx, origin] = await startNginx(folder.path, [port, port, port]);
  });
  afterAll(async () => {
    await nginx.stop();
    server.close();
    server.closeAllConnections();
    folder.remove();
  });

  it("passes on an upgrade, and from then on every byte in both directions", async () => {
    const headers = { connection: "Upgrade", upgrade: "websocket" };
    const request = http.request(`${origin}/graphql`, { headers });
    request.end();
    const [response, socket] = (await once(request, "upgrade")) as [http.IncomingMessage, import("node:net").Socket];
    expect([response.statusCode, response.headers.upgrade]).toEqual([101, "websocket"]);
    socket.write("there and back");
    expect(String((await once(socket, "data"))[0])).toBe("there and back");
    socket.destroy();
  });

  it("passes on server-sent events, as a gateway sends them, one by one", async () => {
    const { body } = await fetch(`${origin}/events`);
    const reader = (body ?? expect.fail("There is no stream.")).pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe(eventText("first", {}));
    // Not before the first one was read.
    for (const stream of streams) stream.end(eventText("second", {}));
    expect((await reader.read()).value).toBe(eventText("second", {}));
    expect((await reader.read()).done).toBe(true);
  });

  it("says the host and port that the client called, and keeps its connections", async () => {
    seen.length = 0;
    await fetch(`${origin}/ready`);
    expect(seen).toEqual([expect.objectContaining({ host: new URL(origin).host })]);
    expect(seen[0]?.connection ?? "keep-alive").toBe("keep-alive");
  });

  // The last ones: nginx then takes servers for dead.
  it("never repeats a POST whose gateway dies before it answers", async () => {
    seen.length = 0;
    expect((await fetch(`${origin}/dies`, { method: "POST", body: "1" })).status).toBe(502);
    expect(seen).toHaveLength(1);
  });

  it("repeats a PUT whose gateway dies before it answers, as docs/how-to/services.md warns", async () => {
    seen.length = 0;
    expect((await fetch(`${origin}/dies`, { method: "PUT", body: "1" })).status).toBe(502);
    expect(seen.length).toBeGreaterThan(1);
  });
});
