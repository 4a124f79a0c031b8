/** A real nginx in front of a gateway, where it is installed. */
import { spawn, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect, createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { temporaryFolder } from "./processes.js";

export interface NginxProxy {
  readonly origin: string;
  stop(): Promise<void>;
}

/** Null: it is not installed. */
export const nginxProgram = ["nginx", "/usr/sbin/nginx"].find((name) => spawnSync(name, ["-v"]).status === 0) ?? null;

/** `settings`: directives of its one server, which passes everything on to `target`. */
export async function startNginx(target: string, settings: string): Promise<NginxProxy> {
  if (nginxProgram === null) throw new Error("nginx is not installed.");
  const folder = temporaryFolder();
  const port = await freePort();
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${name};`);
  const configuration = `
    daemon off; master_process off; pid nginx.pid; error_log error.log;
    events {}
    http {
      access_log off; ${temporary.join(" ")}
      server {
        listen 127.0.0.1:${port};
        ${settings}
        location / { proxy_pass ${target}; }
      }
    }`;
  writeFileSync(path.join(folder.path, "nginx.conf"), configuration);
  const child = spawn(nginxProgram, ["-p", folder.path, "-c", "nginx.conf"], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await listening(port, ended);
  return {
    origin: `http://127.0.0.1:${port}`,
    async stop() {
      child.kill();
      await ended;
      folder.remove();
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Tries until somebody listens; rejects when nginx has ended before. */
async function listening(port: number, ended: Promise<void>): Promise<void> {
  let hasEnded = false;
  void ended.then(() => (hasEnded = true));
  while (!(await isListening(port))) if (hasEnded) throw new Error("nginx ended before it listened.");
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
}
