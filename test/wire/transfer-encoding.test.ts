import { expect, it } from "vitest";
import { transferEncodingRefusal } from "../../src/wire/transfer-encoding.js";

it.each([undefined, "chunked", "Chunked", "gzip", "xchunked", "chunked, gzip"])(
  "leaves Transfer-Encoding %s to the HTTP parser",
  (header) => {
    expect(transferEncodingRefusal(header)).toBeNull();
  },
);

it.each(["gzip, chunked", "gzip,Chunked ", "chunked, chunked", "a, b, chunked"])(
  "refuses Transfer-Encoding %j with 501",
  (header) => {
    const refusal = transferEncodingRefusal(header);
    expect(refusal?.code).toBe("TRANSFER_ENCODING_NOT_SUPPORTED");
    expect(refusal?.rule.httpStatus).toBe(501);
    expect(refusal?.message).toContain(JSON.stringify(header));
  },
);
