import { afterEach, expect, it, vi } from "vitest";

const { argv, exitCode } = process;

afterEach(() => {
  process.argv = argv;
  process.exitCode = exitCode;
  vi.useRealTimers();
  vi.restoreAllMocks();
});

it("runs the command line, sets the exit code, and ends even when something is left open", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout"] });
  const errors: string[] = [];
  vi.spyOn(process.stderr, "write").mockImplementation((text) => errors.push(String(text)) > 0);
  const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
  process.argv = ["node", "main.js", "nonsense"];
  await import("../../src/cli/main.js");
  expect(errors).toEqual(["shardgate: unknown command 'nonsense'\n"]);
  expect(process.exitCode).toBe(2);
  // A closed pipe is not a crash.
  process.stdout.emit("error", new Error("write EPIPE"));
  process.stderr.emit("error", new Error("write EPIPE"));
  expect(exit).not.toHaveBeenCalled();
  vi.runAllTimers();
  expect(exit).toHaveBeenCalledOnce();
});
