/**
 * Which methods a path supports, for the `Allow` header of 405 (RFC 9110, 15.5.6): fastify answers 404 to unsupported
 * methods too.
 */

export interface KnownRoute {
  readonly method: string | readonly string[];
  /** A pattern such as `/data/:key`. */
  readonly url: string;
}

/** The methods of every route whose pattern matches `path`, sorted; empty when no route does. */
export function allowedMethods(routes: readonly KnownRoute[], path: string): readonly string[] {
  const segments = path.split("/");
  const methods = routes.filter(({ url }) => matches(url.split("/"), segments)).flatMap(({ method }) => method);
  return [...new Set(methods)].toSorted();
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  return (
    pattern.length === segments.length &&
    pattern.every((part, index) => (part.startsWith(":") ? segments[index] !== "" : part === segments[index]))
  );
}
