/** Modules of bench/ are plain JavaScript in a package of their own: a test says itself which types it expects of one. */
export async function benchModule<Exports>(file: string): Promise<Exports> {
  return (await import(new URL(`../../bench/${file}`, import.meta.url).href)) as Exports;
}
