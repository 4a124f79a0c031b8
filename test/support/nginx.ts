/** A real nginx in front of gateways, where it is installed: as a process of its own, with all its files in one folder. */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { eventually, repository, Run } from "./processes.js";
import { programPath } from "./program-path.js";

export const nginxPath = programPath("nginx", "/usr/sbin");

/**
 * Hands requests out in turn to `gatewayPorts`, over connections that it keeps; `settings` are further ones of its server.
 * Resolves when it answers.
 */
export async function startNginx(
  folder: string,
  port: number,
  gatewayPorts: readonly number[],
  settings = "",
): Promise<Run> {
  const run = runNginx(folder, likeTheDocumentation(port, gatewayPorts, settings));
  await eventually(() => fetch(`http://127.0.0.1:${port}/health`));
  return run;
}

/** Starts it with `blocks` as what is in its `http` block. */
export function runNginx(folder: string, blocks: string): Run {
  if (nginxPath === undefined) throw new Error("nginx is not installed.");
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(" ");
  const configPath = path.join(folder, "nginx.conf");
  // Its workers would be another user, who may not write into the folder.
  const user = process.getuid?.() === 0 ? "user root; " : "";
  const around = `${user}daemon off; pid ${folder}/nginx.pid; worker_processes 1; events { worker_connections 512; }`;
  writeFileSync(configPath, `${around}\nhttp {\n  access_log off; ${temporary}\n${blocks}\n}\n`);
  return new Run(nginxPath, ["-p", folder, "-e", "stderr", "-c", configPath]);
}

/** The `upstream` and `location` are those of docs/how-to/services.md. */
function likeTheDocumentation(port: number, gatewayPorts: readonly number[], settings: string): string {
  const servers = gatewayPorts.map((gatewayPort) => `server 127.0.0.1:${gatewayPort} fail_timeout=1s;`).join(" ");
  return `  upstream gateways { ${servers} keepalive 16; }
  server {
    listen 127.0.0.1:${port}; ${settings}
    location / {
      proxy_pass http://gateways;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }`;
}

/** deploy/nginx.conf, listening at `port`, with `gatewayPorts` in place of its gateways and its log in `folder`. */
export function kitConfiguration(folder: string, port: number, gatewayPorts: readonly number[]): string {
  return readFileSync(path.join(repository, "deploy/nginx.conf"), "utf8")
    .replace("listen 80;", `listen 127.0.0.1:${port};`)
    .replace(/\bgateway(\d):4000\b/g, (_name, number: string) => `127.0.0.1:${gatewayPorts[Number(number) - 1]}`)
    .replace("/var/log/nginx/", `${folder}/`);
}
