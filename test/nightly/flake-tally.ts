/** Which tests failed in how many rounds of the same tests, from the reports that Vitest's `json` reporter writes. */

export interface RoundReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    /** Of the file as a whole, when it could not be run. */
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

export interface Flake {
  /** The file, and the test's name unless the whole file failed. */
  readonly test: string;
  readonly failures: number;
  /** What it said the first time. */
  readonly message: string;
}

/** Those that failed at least once, most failures first. */
export function flakesOf(rounds: readonly RoundReport[]): readonly Flake[] {
  const flakes = new Map<string, Flake>();
  for (const { test, message } of rounds.flatMap(failuresOf)) {
    const known = flakes.get(test) ?? { test, failures: 0, message };
    flakes.set(test, { ...known, failures: known.failures + 1 });
  }
  return [...flakes.values()].toSorted((a, b) => b.failures - a.failures);
}

function failuresOf({ testResults }: RoundReport): readonly Pick<Flake, "test" | "message">[] {
  return testResults.flatMap((file) => {
    if (file.status === "passed") return [];
    const failed = file.assertionResults.filter(({ status }) => status === "failed");
    if (failed.length === 0) return [{ test: file.name, message: file.message }];
    return failed.map(({ fullName, failureMessages }) => ({
      test: `${file.name}: ${fullName}`,
      message: failureMessages.join("\n"),
    }));
  });
}
