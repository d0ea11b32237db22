import { ConfigError } from "../config/config.ts";
import { isLoopbackHost } from "../http/address.ts";

/**
 * Where the store is and who we are there, in one URL:
 * `s3://KEY:SECRET@host[:port]/bucket[/prefix]?region=us-east-1&path_style=true&tls=true`.
 * Key and secret are percent-encoded where they have `/`, `+` or `@`. Without TLS everybody on
 * the way reads and alters what is stored, so only this very machine may be spoken to so.
 */
export type S3Place = {
  accessKeyId: string;
  secretAccessKey: string;
  bucket: string;
  /** Put before each key; empty or ending with a slash. */
  prefix: string;
  region: string;
  /** The origin, for Bun's client with the bucket as its first label unless `pathStyle`. */
  endpoint: string;
  pathStyle: boolean;
};

const regionDefault = "us-east-1";
const bucketPattern = /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const prefixPattern = /^(?:[A-Za-z0-9_-]+\/)*$/;
const form = "s3://KEY:SECRET@host[:port]/bucket[/prefix]?region=...&path_style=true&tls=true";

export function parseS3Url(text: string): S3Place {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "s3:" || url.hostname === "") throw wrong(`it is not ${form}`);
  const accessKeyId = decoded(url.username);
  const secretAccessKey = decoded(url.password);
  if (accessKeyId === "" || secretAccessKey === "") throw wrong("it has no KEY:SECRET@");
  const [bucket = "", ...folders] = url.pathname.slice(1).split("/");
  if (!bucketPattern.test(bucket)) throw wrong("its first folder is no name of a bucket");
  const prefix = folders.filter((folder) => folder !== "").map((folder) => `${folder}/`);
  if (!prefixPattern.test(prefix.join(""))) throw wrong("its prefix is not [A-Za-z0-9_-]");
  const { region, pathStyle, tls } = parametersOf(url);
  if (!tls && !isLoopbackHost(url.hostname)) {
    throw wrong("tls=false is for localhost alone");
  }
  const host = pathStyle ? url.host : `${bucket}.${url.host}`;
  return {
    ...{ accessKeyId, secretAccessKey, bucket, prefix: prefix.join(""), region, pathStyle },
    endpoint: `${tls ? "https" : "http"}://${host}`,
  };
}

function parametersOf(url: URL) {
  const known = ["region", "path_style", "tls"];
  for (const name of url.searchParams.keys()) {
    if (!known.includes(name)) throw wrong(`there is no ?${name.slice(0, 40)}=`);
  }
  const is = (name: string) => {
    const value = url.searchParams.get(name) ?? "true";
    if (value !== "true" && value !== "false") throw wrong(`${name} is true or false`);
    return value === "true";
  };
  const region = url.searchParams.get("region") ?? regionDefault;
  if (!/^[a-z0-9-]{1,40}$/.test(region)) throw wrong("region is like eu-central-1, or auto");
  return { region, pathStyle: is("path_style"), tls: is("tls") };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong("its KEY or SECRET has a % that is not %25");
  }
}

/** Never shows the URL, which has the secret. */
function wrong(why: string): ConfigError {
  return new ConfigError([`S3_URL: ${why}; the form is ${form}`]);
}
