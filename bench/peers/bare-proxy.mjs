/**
 * The floor: what a backend engineer writes by hand in an hour. node:http and undici; it forwards to the storage node's
 * plain route, streams nothing, checks nothing. `POST /many` takes {"keys":[…]} and asks key by key, `PUT /many` takes
 * [{"key":…,"value":…}] and writes one by one, `GET /page` asks every shard.
 */
import http from "node:http";
import { connectBackend } from "./backend.mjs";

const [port, gatewayOrigin] = process.argv.slice(2);
const backend = await connectBackend(gatewayOrigin);

async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function answerOf(request) {
  const { method, url } = request;
  if (url === "/health") return { status: 200, text: "{}" };
  if (url === "/many" && method === "POST") {
    const { keys } = JSON.parse(await bodyOf(request));
    const texts = await Promise.all(keys.map(backend.get));
    return { status: 200, text: `[${texts.map((text) => text ?? "null").join(",")}]` };
  }
  if (url === "/many") {
    const items = JSON.parse(await bodyOf(request));
    await Promise.all(items.map(({ key, value }) => backend.put(key, JSON.stringify(value))));
    return { status: 200, text: "[]" };
  }
  if (url.startsWith("/page?")) {
    const search = new URLSearchParams(url.slice("/page?".length));
    return { status: 200, text: JSON.stringify(await backend.page(search.get("prefix"), Number(search.get("limit")))) };
  }
  const key = decodeURIComponent(url.slice("/data/".length));
  return backend.forward(method, key, method === "PUT" ? await bodyOf(request) : undefined);
}

http
  .createServer(async (request, response) => {
    try {
      const { status, text } = await answerOf(request);
      response.statusCode = status;
      response.setHeader("content-type", "application/json");
      response.end(text);
    } catch (error) {
      response.statusCode = 502;
      response.end(String(error));
    }
  })
  .listen(Number(port), "127.0.0.1");
