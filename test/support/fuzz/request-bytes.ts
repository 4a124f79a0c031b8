/** An HTTP request as bytes, with a length when it has a body. Header values are bytes, one for each character. */
export function requestBytes(
  method: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = "",
): Buffer {
  const content = Buffer.from(body);
  const isMeasured = content.length > 0 && headers["transfer-encoding"] === undefined;
  const all = { host: "localhost", ...(isMeasured && { "content-length": String(content.length) }), ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join("")}\r\n`, "latin1"), content]);
}
