/** Quotes words of a command line that is printed for pasting into a POSIX shell. */

/** `word`, quoted if a shell would interpret it otherwise. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
