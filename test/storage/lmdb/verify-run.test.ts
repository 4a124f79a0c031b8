/** Folders with a flipped bit, each checked in a process of its own if LMDB crashes it. */
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { filledFolder } from "./filled-folder.js";

it(
  "verifyLmdbFolder finds every flipped bit that LMDB ignores, unless the bit has no effect",
  { timeout: 240_000 },
  async () => {
    const parent = await mkdtemp(path.join(tmpdir(), "verify-"));
    onTestFinished(() => rm(parent, { recursive: true, force: true }));
    const folder = await filledFolder(parent);
    const whole = await readFile(path.join(folder, "data.mdb"));
    const dumper = new Dumper();
    try {
      const expected = await dumper.check(folder);
      expect(expected).toMatchObject({ problemCount: 0, content: expect.stringContaining("key59") });
      let found = 0;
      for (let round = 0; round < 200; round++) {
        const copy = path.join(folder, `copy${round}`);
        const bit = Math.imul(round + 1, 2_654_435_761) >>> 0;
        await writeDamaged(copy, whole, bit % (whole.length * 8));
        const answer = await dumper.check(copy);
        if (answer.problemCount === 0) expect(answer.content).toBe(expected.content);
        else found++;
        await rm(copy, { recursive: true });
      }
      expect(found).toBeGreaterThan(0);
    } finally {
      dumper.end();
    }
  },
);

interface Answer {
  readonly problemCount?: number;
  readonly content?: string | null;
  readonly refused?: string;
}

/** A process that checks folders; it is replaced after LMDB has crashed it. */
class Dumper {
  #child: ChildProcess | null = null;

  async check(folder: string): Promise<Answer> {
    const child = await this.#ready();
    return new Promise((resolve) => {
      child.removeAllListeners();
      child.once("message", (answer) => resolve(answer as Answer));
      child.once("exit", (code, signal) => {
        this.#child = null;
        resolve({ refused: `LMDB ended the process: ${code ?? signal}.` });
      });
      child.send(folder);
    });
  }

  end(): void {
    this.#child?.kill("SIGKILL");
  }

  async #ready(): Promise<ChildProcess> {
    if (this.#child !== null) return this.#child;
    const child = fork(path.join(import.meta.dirname, "dumper.mjs"), { execArgv: [], stdio: "ignore" });
    this.#child = child;
    await once(child, "message");
    return child;
  }
}

async function writeDamaged(folder: string, whole: Buffer, bit: number): Promise<void> {
  const bytes = Buffer.from(whole);
  const position = Math.floor(bit / 8);
  bytes.writeUInt8(bytes.readUInt8(position) ^ (1 << (bit % 8)), position);

  await mkdir(folder);
  await writeFile(path.join(folder, "data.mdb"), bytes);
}
