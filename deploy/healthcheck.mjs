/**
 * Ends with 0 when the gateway or storage node in this container answers `GET /health` with 200, else with 1. It listens
 * at SHARDGATE_PORT, or else at the port that a gateway (4000) or a storage node (4001) has by default.
 */
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";

const { SHARDGATE_PORT, SHARDGATE_TLS_CERT: cert, SHARDGATE_TLS_KEY: key } = process.env;
const ports = SHARDGATE_PORT === undefined ? [4000, 4001] : [SHARDGATE_PORT];
const answers = await Promise.all(ports.map(answersAt));
process.exitCode = answers.includes(true) ? 0 : 1;

function answersAt(port) {
  return new Promise((resolve) => {
    const call = cert === undefined ? http : https;
    const request = call.get({ host: "127.0.0.1", port, path: "/health", timeout: 3_000, agent: false, ...identity() });
    request.on("response", (response) => resolve(response.resume().statusCode === 200));
    request.on("timeout", () => request.destroy());
    request.on("close", () => resolve(false));
    request.on("error", () => resolve(false));
  });
}

/** A storage node with a CA wants a certificate of it. That of the server is not for 127.0.0.1, and needs no check here. */
function identity() {
  if (cert === undefined || key === undefined) return {};
  return { cert: readFileSync(cert), key: readFileSync(key), rejectUnauthorized: false };
}
