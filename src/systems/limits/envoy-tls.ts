import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { ConfigError, type Config } from "../../platform/config/config.ts";
import type { Log } from "../../platform/log/log.ts";

/** The certificate of the port for proxies: read at the start, and again for as long as it runs. */
export type Tls = { cert: string; key: string };
type Files = Pick<Config, "limitGrpcTlsCert" | "limitGrpcTlsKey">;

const tlsCert = "STOA_LIMIT_GRPC_TLS_CERT";
const tlsKey = "STOA_LIMIT_GRPC_TLS_KEY";
export const tlsReadEveryMs = 10_000;

/** Null where the settings name none. Throws what is wrong by the name of its setting. */
export function readTls({ limitGrpcTlsCert: cert, limitGrpcTlsKey: key }: Files): Tls | null {
  if (cert === "" && key === "") return null;
  if (cert === "") throw new ConfigError([`${tlsCert}: must be set, as ${tlsKey} is`]);
  if (key === "") throw new ConfigError([`${tlsKey}: must be set, as ${tlsCert} is`]);
  const tls = { cert: textOf(tlsCert, cert), key: textOf(tlsKey, key) };
  if (!fits(tls)) {
    throw new ConfigError([`${tlsCert}: is no certificate in PEM for the key of ${tlsKey}`]);
  }
  return tls;
}

/**
 * Hands over what the files say whenever that is something else. The two are written one after the
 * other, so what does not fit together now is left until it does; what holds meanwhile stays.
 * Returns what ends it.
 */
export function watchTls(options: {
  config: Files;
  current: Tls;
  everyMs: number;
  log: Log;
  renew: (tls: Tls) => void;
}): () => void {
  const { config, everyMs, log, renew } = options;
  let { current } = options;
  let problem = "";
  const look = () => {
    try {
      const next = readTls(config) as Tls;
      problem = "";
      if (next.cert === current.cert && next.key === current.key) return;
      renew(next);
      current = next;
      log.info("the certificate for proxies is another one now");
    } catch (error) {
      const { message } = error as Error;
      if (message !== problem) log.warn("the certificate for proxies stays as it is", { error });
      problem = message;
    }
  };
  const timer = setInterval(look, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

function fits(tls: Tls): boolean {
  try {
    return new X509Certificate(tls.cert).checkPrivateKey(createPrivateKey(tls.key));
  } catch {
    return false;
  }
}

function textOf(setting: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ConfigError([
      `${setting}: ${path} cannot be read (${(error as { code?: string }).code})`,
    ]);
  }
}
