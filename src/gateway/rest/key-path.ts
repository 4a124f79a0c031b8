/**
 * Protects keys from the router's decoding. Routers decode a path before or after they split it, once or in parts, and
 * refuse what they cannot decode; a key must be decoded exactly once, as a whole, and only by `parseKeySegment`. So the
 * key's raw segment is encoded once more before routing, and the router's parameter is the segment as the client sent
 * it.
 */
export const dataPrefix = "/data/";

/** The request target with the key of `/data/{key}` encoded once more; every other target is unchanged. */
export function keepKeyRaw(target: string): string {
  if (!target.startsWith(dataPrefix)) return target;
  const queryAt = target.indexOf("?");
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const segment = path.slice(dataPrefix.length);
  if (segment.includes("/")) return target;
  return `${dataPrefix}${encodeURIComponent(segment)}${target.slice(path.length)}`;
}
