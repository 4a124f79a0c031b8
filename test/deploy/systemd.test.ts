/** The systemd units: as `systemd-analyze` wants them, and with the time that a server needs to stop. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { drainDelayMsDefault } from "../../src/cli/serve/gateway-command.js";
import { drainTimeoutMs, stopMarginMs } from "../../src/core/limits.js";
import { kitFile, settingIn, unitFiles } from "../support/deploy-kit.js";
import { temporaryFolder } from "../support/processes.js";

const folder = temporaryFolder();
afterAll(() => folder.remove());
const version = spawnSync("systemd-analyze", ["--version"], { encoding: "utf8" }).stdout ?? "";
const hasAnalyzer = Number(/^systemd (\d+)/.exec(version)?.[1] ?? 0) >= 250;

/** The exit code of the analyzer and all that it prints, of the unit with this Node.js in place of the one it names. */
function analyze(
  file: string,
  text: string,
  ...args: readonly string[]
): readonly [code: number | null, output: string] {
  const place = path.join(folder.path, path.basename(file));
  writeFileSync(place, text.replace("/usr/bin/node", process.execPath));
  const { status, stdout, stderr } = spawnSync("systemd-analyze", [...args, place], { encoding: "utf8" });
  return [status, stdout + stderr];
}

describe.each(unitFiles)("deploy/%s", (file) => {
  const text = kitFile(file);

  it("is accepted by systemd-analyze, which notices a wrong setting", (context) => {
    if (!hasAnalyzer) context.skip("systemd-analyze 250 or newer is not installed");
    expect(analyze(file, text, "verify", "--man=no")).toEqual([0, ""]);
    const [, output] = analyze(file, text.replace("Restart=", "Restrat="), "verify", "--man=no");
    expect(output).toContain("Restrat");
  });

  it("is confined: systemd's own measure of its exposure is at most 1.6 of 10", (context) => {
    if (!hasAnalyzer) context.skip("systemd-analyze 250 or newer is not installed");
    const [code, output] = analyze(file, text, "security", "--offline=true", "--no-pager", "--threshold=16");
    expect(code, output).toBe(0);
    const without = text.replace(/^(Protect|System|Restrict)\w+=.*$/gm, "");
    expect(analyze(file, without, "security", "--offline=true", "--no-pager", "--threshold=16")[0]).not.toBe(0);
  });

  it("allows for the time that the server needs to stop, and starts it again whatever happened", () => {
    const drainDelayMs = file.includes("gateway") ? drainDelayMsDefault : 0;
    const stopMs = drainDelayMs + drainTimeoutMs + stopMarginMs;
    expect(Number(settingIn(text, "TimeoutStopSec")) * 1000).toBeGreaterThan(stopMs);
    expect([settingIn(text, "Restart"), settingIn(text, "StartLimitIntervalSec")]).toEqual(["on-failure", "0"]);
  });

  it("keeps data where its user may write", () => {
    expect(settingIn(text, "StateDirectory")).toBe("shardgate");
    expect(settingIn(text, "ExecStart").split(" --data ")[1] ?? "/var/lib/shardgate").toBe("/var/lib/shardgate");
  });
});
