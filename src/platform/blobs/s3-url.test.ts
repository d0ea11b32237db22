import { expect, test } from "bun:test";
import { ConfigError } from "../config/config.ts";
import { parseS3Url } from "./s3-url.ts";

const secret = "se/cr+et@";
const us = `s3://KEY:${encodeURIComponent(secret)}@`;

test("a URL says all that is needed", () => {
  expect(parseS3Url(`${us}s3.example.com:9000/files?region=eu-central-1`)).toEqual({
    ...{ accessKeyId: "KEY", secretAccessKey: secret, bucket: "files", prefix: "" },
    ...{ region: "eu-central-1", pathStyle: true, endpoint: "https://s3.example.com:9000" },
  });
  expect(parseS3Url(`${us}s3.example.com/files/a/b_c/`)).toMatchObject({
    ...{ prefix: "a/b_c/", region: "us-east-1" },
  });
  expect(parseS3Url(`${us}s3.example.com/files?path_style=false`)).toMatchObject({
    ...{ pathStyle: false, endpoint: "https://files.s3.example.com" },
  });
  expect(parseS3Url(`${us}127.0.0.1:9/files?tls=false`).endpoint).toBe("http://127.0.0.1:9");
});

test.each([
  "nonsense",
  "https://KEY:s@host/files",
  "s3:///files",
  "s3://host/files",
  "s3://KEY@host/files",
  `${us}host`,
  `${us}host/`,
  `${us}host/A_B`,
  `${us}host/files/../x%2f`,
  `${us}host/files/a.b`,
  `${us}host/files?tls=false`,
  `${us}localhost.example.com/files?tls=false`,
  `${us}127.0.0.1.example.com/files?tls=false`,
  `${us}host/files?tls=no`,
  `${us}host/files?path_style=1`,
  `${us}host/files?region=Mars%20`,
  `${us}host/files?endpoint=x`,
  "s3://KEY:%zz@host/files",
])("%p is refused, and the secret is not shown", (url) => {
  let message = "";
  try {
    parseS3Url(url);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    message = String(error);
  }
  expect(message).toContain("S3_URL: ");
  expect(message).not.toContain("cr%2Bet");
  expect(message).not.toContain("cr+et");
});
