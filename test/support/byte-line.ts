/** A line between a gateway and a storage node that carries bytes, whatever they are, and is cut where a test says. */
import { connect, createServer, type AddressInfo, type Socket } from "node:net";

export interface ByteLine {
  readonly url: string;
  /** How often `text` went over it. */
  count(text: string): number;
  /** Cuts every connection, also later ones, after this many further bytes of one direction; null: no more. */
  cutAfter: { readonly direction: "toNode" | "toGateway"; readonly bytes: number } | null;
  /** How many connections were cut. */
  readonly cuts: number;
  close(): Promise<void>;
}

export async function startByteLine(nodeUrl: string): Promise<ByteLine> {
  const { hostname, port } = new URL(nodeUrl);
  const sockets = new Set<Socket>();
  let text = "";
  const line = { cutAfter: null as ByteLine["cutAfter"], cuts: 0 };
  const server = createServer((gateway) => {
    const node = connect(Number(port), hostname);
    const ends = [gateway, node];
    for (const end of ends) {
      sockets.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        sockets.delete(end);
        for (const other of ends) other.destroy();
      });
    }
    pass(gateway, node, "toNode");
    pass(node, gateway, "toGateway");
  });
  const pass = (from: Socket, to: Socket, direction: "toNode" | "toGateway"): void => {
    let passed = 0;
    let since: ByteLine["cutAfter"] = null;
    from.on("data", (bytes: Buffer) => {
      if (direction === "toNode") text += bytes.toString("latin1");
      const cut = line.cutAfter?.direction === direction ? line.cutAfter : null;
      if (cut !== since) [since, passed] = [cut, 0];
      passed += bytes.length;
      if (cut === null || passed <= cut.bytes) {
        to.write(bytes);
        return;
      }
      // What the frame has before the cut still arrives.
      to.write(bytes.subarray(0, bytes.length - (passed - cut.bytes)), () => {
        line.cuts++;
        for (const end of [from, to]) end.destroy();
      });
      from.pause();
    });
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return Object.assign(line, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (part: string) => text.split(part).length - 1,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy();
        server.close(() => resolve());
      }),
  });
}
