/** Finds out whether ports are free before anything is started on them. */
import { createServer } from "node:net";

/** Rejects with the system's error for the first of `ports` on which nobody could listen now. Port 0 is always free. */
export async function checkPortsFree(host: string, ports: readonly number[]): Promise<void> {
  for (const port of ports) if (port !== 0) await checkPortFree(host, port);
}

function checkPortFree(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}
