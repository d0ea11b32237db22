import { request } from "./sockets.ts";

/** The request that must never be read out of another's body. */
export const inner = request("GET /inner-one");

/** Lengths of chunks that are none. */
const sizes = [
  "-1",
  "0x0",
  "+0",
  "ffffffffffffffffff",
  "G",
  " ",
  "0\0",
  "0_",
  "1\r\nab\r\n0",
  "\n0",
];

/** Bodies that one reader of HTTP ends before `inner`, and another after it. */
export function smuggling(): [string, string][] {
  const chunked = `0\r\n\r\n${inner}`;
  const post = (headers: string[], body: string) => request("POST /healthz", headers, body);
  const length = `Content-Length: ${chunked.length}`;
  const te = "Transfer-Encoding: chunked";
  const obscured = [
    ...[
      "Transfer-Encoding: xchunked",
      "Transfer-Encoding : chunked",
      "Transfer-Encoding:\x0bchunked",
    ],
    ...["Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity, chunked, x"],
    ...["Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "X: y\nTransfer-Encoding: chunked"],
    ...[
      "Transfer-Encoding\r\n : chunked",
      "Transfer_Encoding: chunked",
      "Transfer-Encoding: 'chunked'",
    ],
    ...[
      "Transfer-Encoding:\r\n chunked",
      "\x00Transfer-Encoding: chunked",
      "Transfer-Encoding: chunk",
    ],
    ...[
      "Transfer-Encoding: chunked\0",
      "X: y\rTransfer-Encoding: chunked",
      " Transfer-Encoding: chunked",
    ],
  ];
  const lengths = [
    ...[
      "+0",
      "-1",
      "0x0",
      "0, 1",
      "1 2",
      "1e0",
      "18446744073709551616",
      "0_0",
      "\u00b2",
      "00 0",
      "a",
    ],
    ...[`0\r\nContent-Length: ${inner.length}`, `${inner.length}\r\nContent-Length: 0`, " ", "0;"],
  ];
  return [
    ["length and chunks", post([length, te], chunked)],
    ["chunks and length", post([te, length], chunked)],
    ["chunks and no length", post([te, "Content-Length: 0"], `1\r\nA\r\n0\r\n\r\n`) + inner],
    ...obscured.map((h): [string, string] => [h, post([length, h], chunked)]),
    ...lengths.map((l): [string, string] => [
      `length ${l}`,
      post([`Content-Length: ${l}`, "Connection: keep-alive"], inner),
    ]),
    ...sizes.map((s): [string, string] => [`chunk of ${s}`, post([te], `${s}\r\n\r\n${inner}`)]),
    ["a body of GET", request("GET /outer", [`Content-Length: ${inner.length}`], inner)],
    ["a broken chunk", post([te], `1\r\nAB\r\n0\r\n\r\n${inner}`)],
  ];
}
