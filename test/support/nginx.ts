/** A real nginx in front of gateways, where it is installed: as a process of its own, with all its files in one folder. */
import { accessSync, constants, writeFileSync } from "node:fs";
import path from "node:path";
import { eventually, Run } from "./processes.js";

export const nginxPath = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"]
  .map((folder) => path.join(folder, "nginx"))
  .find(isExecutable);

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
  if (nginxPath === undefined) throw new Error("nginx is not installed.");
  const configPath = path.join(folder, "nginx.conf");
  writeFileSync(configPath, configuration(folder, port, gatewayPorts, settings));
  const run = new Run(nginxPath, ["-p", folder, "-e", "stderr", "-c", configPath]);
  await eventually(() => fetch(`http://127.0.0.1:${port}/health`));
  return run;
}

/** The `upstream` and `location` are those of docs/how-to/services.md. */
function configuration(folder: string, port: number, gatewayPorts: readonly number[], settings: string): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(" ");
  const servers = gatewayPorts.map((gatewayPort) => `server 127.0.0.1:${gatewayPort} fail_timeout=1s;`).join(" ");
  return `daemon off; pid ${folder}/nginx.pid; worker_processes 1;
events { worker_connections 512; }
http {
  access_log off; ${temporary}
  upstream gateways { ${servers} keepalive 16; }
  server {
    listen 127.0.0.1:${port}; ${settings}
    location / {
      proxy_pass http://gateways;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
    }
  }
}
`;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
