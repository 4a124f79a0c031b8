/** Finds out whether ports are free before anything is started on them. */
import { createServer, type AddressInfo } from "node:net";

/** Rejects with the system's error for the first of `ports` that cannot be listened on now. Port 0 is always free. */
export async function checkPortsFree(host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) if (port !== 0) await listenOnce(host, port);
}

/** A port that is free now, for a program that cannot pick one. */
export function freePort(host: string): Promise<number> {
  return listenOnce(host, 0);
}

function listenOnce(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => {
      const { port: taken } = server.address() as AddressInfo;
      server.close(() => resolve(taken));
    });
  });
}
