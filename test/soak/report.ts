/** The result of a soak as a page of text. */
import type { SoakResult } from "./soak-run.js";

export function soakReport(result: SoakResult): string {
  const { isGood, seed, minutes, findings, complaints, answers, faults, keysChecked, samples } = result;
  const total = Object.values(answers).reduce((sum, count) => sum + count, 0);
  const bad = findings.filter((finding) => !finding.isGood);
  const lines = [
    `${isGood ? "GOOD" : "BAD"}: soak of ${minutes} minutes, seed ${seed}`,
    `${total} answers, ${faults.length} faults, ${samples.length} samples, ${keysChecked} keys checked in the end`,
    `${bad.length} of ${findings.length} rules broken, ${complaints.length} complaints`,
    ...complaints.map((complaint) => `  ! ${complaint}`),
    ...bad.map(lineOf).map((line) => `  ! ${line}`),
    "",
    "Rules",
    ...findings.map((finding) => `  ${finding.isGood ? "ok " : "BAD"} ${lineOf(finding)}`),
    "",
    "Faults",
    ...faults.map((fault) => `  ${fault}`),
    "",
    "Answers",
    ...Object.entries(answers).map(([what, count]) => `  ${String(count).padStart(8)}  ${what}`),
  ];
  return `${lines.join("\n")}\n`;
}

function lineOf({ process, rule, text }: SoakResult["findings"][number]): string {
  return `${process}, ${rule}: ${text}`;
}
