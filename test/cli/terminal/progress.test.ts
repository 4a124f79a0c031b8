import { describe, expect, it } from "vitest";
import { Progress } from "../../../src/cli/terminal/progress.js";
import { FakeClock } from "../../support/fake-clock.js";
import { testEnvironment } from "../test-environment.js";

function start(isTTY: boolean) {
  const clock = new FakeClock();
  const environment = testEnvironment();
  const output = Object.assign(environment.stderr, { isTTY });
  return { clock, written: environment.written, progress: new Progress(output, clock, "imported") };
}

describe("Progress", () => {
  it("rewrites one line on a terminal, a few times a second", async () => {
    const { clock, written, progress } = start(true);
    progress.update(10);
    expect(written.err).toBe("");
    await clock.advance(200);
    progress.update(20);
    progress.update(30);
    expect(written.err).toBe("\rimported 20 entries in 0.2 s\u001B[K");
    progress.end(1);
    expect(written.err.endsWith("\u001B[K\r\u001B[Kimported 1 entry in 0.2 s\n")).toBe(true);
  });

  it("writes a line to a log every 100,000 entries", () => {
    const { written, progress } = start(false);
    for (let count = 0; count <= 250_000; count += 1000) progress.update(count);
    expect(written.err).toBe("imported 100,000 entries in 0.0 s\nimported 200,000 entries in 0.0 s\n");
  });

  it("writes a repeated note once", () => {
    const { written, progress } = start(false);
    for (const text of ["a", "a", "b"]) progress.note(text);
    expect(written.err).toBe("a\nb\n");
  });
});
