/** Wall clocks of single processes of a ProcessCluster, which a test sets wrong while they run or before they start. */
import { writeFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { temporaryFolder, type Run } from "./processes.js";

const preload = pathToFileURL(path.join(import.meta.dirname, "shifted-clock.mjs")).href;

export class ShiftedClocks {
  readonly #folder = temporaryFolder();

  /** For all processes of the cluster. */
  get environment(): NodeJS.ProcessEnv {
    return { NODE_OPTIONS: `--import=${preload}`, CLOCK_FOLDER: this.#folder.path };
  }

  /** From its next start on, the process is that far from the right time. */
  set(name: string, shiftMs: number): void {
    writeFileSync(path.join(this.#folder.path, name), String(shiftMs));
  }

  /** The running process is that far from the right time when this resolves. */
  async jump(name: string, run: Run, shiftMs: number): Promise<void> {
    this.set(name, shiftMs);
    run.child.kill("SIGUSR2");
    await run.prints(new RegExp(`^clock shifted by ${shiftMs}$`, "m"));
  }

  remove(): void {
    this.#folder.remove();
  }
}
