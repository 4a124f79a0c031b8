/**
 * A way over TCP between two processes that a test can cut: nothing passes any more, and no end hears of it, as when a network
 * drops every packet. When it is mended what was on its way arrives, late.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Where a line begins, and where it goes. */
export interface LinePlace {
  readonly host: string;
  readonly port: number;
  readonly to: number;
}

export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Ends whose other end is gone; they hear of it when the line is mended. */
  readonly #orphans = new Set<Socket>();
  #isCut = false;

  static async open({ host, port, to }: LinePlace): Promise<Line> {
    const line = new Line(to);
    line.#server.listen(port, host);
    await once(line.#server, "listening");
    return line;
  }

  private constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect(to, "127.0.0.1");
      this.#carry(near, far);
      this.#carry(far, near);
    });
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.pause();
  }

  mend(): void {
    this.#isCut = false;
    for (const socket of this.#orphans) socket.destroy();
    this.#orphans.clear();
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.mend();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #carry(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("error", () => {});
    from.on("data", (bytes) => to.write(bytes));
    from.on("close", () => {
      this.#sockets.delete(from);
      if (this.#isCut) this.#orphans.add(to);
      else to.destroy();
    });
    if (this.#isCut) from.pause();
  }
}
