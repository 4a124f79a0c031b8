/**
 * A way over TCP between two processes that a test can cut: nothing passes any more, and no end hears of it, as when a network
 * drops every packet. When it is mended what was on its way arrives, late. It can also hold one connection from a given message on.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

/** Where a line begins, and where it goes. */
export interface LinePlace {
  readonly host: string;
  readonly port: number;
  readonly to: number;
}

/** What one connection holds back. */
interface Held {
  readonly near: Socket;
  readonly far: Socket;
  readonly bytes: Buffer;
}

interface Hold {
  readonly message: Buffer;
  readonly onHeld: () => void;
}

export class Line {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  /** Ends whose other end is gone; they hear of it when the line is mended. */
  readonly #orphans = new Set<Socket>();
  #isCut = false;
  #hold: Hold | null = null;
  #held: Held | null = null;

  static async open({ host, port, to }: LinePlace): Promise<Line> {
    const line = new Line(to);
    line.#server.listen(port, host);
    await once(line.#server, "listening");
    return line;
  }

  private constructor(to: number) {
    this.#server = createServer((near) => {
      const far = connect(to, "127.0.0.1");
      this.#carry(near, far, (bytes) => this.#passOn(near, far, bytes));
      this.#carry(far, near, (bytes) => near.write(bytes));
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
    for (const socket of this.#sockets) if (socket !== this.#held?.near) socket.resume();
  }

  /**
   * The next connection that sends this message holds it, with all that follows it; what came before arrives. Resolves when it is held.
   * Its sender may end meanwhile: the other end does not hear of that before the release.
   */
  holdAt(message: Buffer): Promise<void> {
    return new Promise((onHeld) => (this.#hold = { message, onHeld }));
  }

  /** What is held arrives, late. */
  release(): void {
    this.#hold = null;
    const held = this.#held;
    this.#held = null;
    held?.far.write(held.bytes);
    held?.near.resume();
  }

  async close(): Promise<void> {
    this.release();
    this.mend();
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #passOn(near: Socket, far: Socket, bytes: Buffer): void {
    const at = this.#hold === null ? -1 : bytes.indexOf(this.#hold.message);
    if (this.#hold === null || at < 0) {
      far.write(bytes);
      return;
    }
    far.write(bytes.subarray(0, at));
    near.pause();
    this.#held = { near, far, bytes: bytes.subarray(at) };
    this.#hold.onHeld();
    this.#hold = null;
  }

  #carry(from: Socket, to: Socket, onBytes: (bytes: Buffer) => void): void {
    this.#sockets.add(from);
    from.on("error", () => {});
    from.on("data", onBytes);
    from.on("close", () => {
      this.#sockets.delete(from);
      if (this.#isCut) this.#orphans.add(to);
      else to.destroy();
    });
    if (this.#isCut) from.pause();
  }
}
