/** Words of a command line that is printed for a person to paste into a POSIX shell. */

/** `word`, quoted when a shell would read it otherwise. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
