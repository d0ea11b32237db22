import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serverCore } from "./load.ts";

/** What Stoa is measured beside: nginx in three forms, and a Bun server that knows one answer. */
export type Peer = { name: string; url: string; pid: number; stop(): Promise<void> };

export type NginxKind = "return" | "map" | "log";

const target = "https://example.com/some/target/page";

export async function startNginx(folder: string, kind: NginxKind, codes: string[]): Promise<Peer> {
  const port = 4100 + ["return", "map", "log"].indexOf(kind);
  const home = join(folder, `nginx-${kind}`);
  mkdirSync(home, { recursive: true });
  const table = codes.map((code) => `/${code} ${target}/${code};`).join("\n");
  writeFileSync(join(home, "map.conf"), `map_hash_max_size 262144; map $uri $to {\n${table}\n}`);
  const log =
    kind === "log"
      ? `access_log ${home}/access.log combined buffer=64k flush=1s;`
      : "access_log off;";
  const answer = kind === "return" ? `return 302 ${target};` : "return 302 $to;";
  const conf = join(home, "nginx.conf");
  writeFileSync(
    conf,
    `worker_processes 1; daemon off; pid ${home}/pid; error_log ${home}/error.log;
events { worker_connections 4096; }
http { keepalive_requests 100000000; ${kind === "return" ? "" : `include ${home}/map.conf;`} ${log}
  client_body_temp_path ${home}/b; proxy_temp_path ${home}/p; fastcgi_temp_path ${home}/f;
  uwsgi_temp_path ${home}/u; scgi_temp_path ${home}/s;
  server { listen 127.0.0.1:${port}; location / { ${answer} } } }`,
  );
  const nginx = Bun.spawn(["taskset", "-c", serverCore, "nginx", "-c", conf, "-p", home], {
    stderr: "ignore",
  });
  return await ready(`nginx ${kind}`, port, nginx);
}

export async function startConstant(folder: string): Promise<Peer> {
  const port = 4110;
  const file = join(folder, "constant.ts");
  writeFileSync(
    file,
    `const headers = { location: "${target}", "cache-control": "private, max-age=0, no-cache" };
Bun.serve({ hostname: "127.0.0.1", port: ${port},
  fetch: () => new Response(null, { status: 302, headers }) });`,
  );
  const bun = Bun.spawn(["taskset", "-c", serverCore, process.execPath, file], {
    stderr: "ignore",
  });
  return await ready("Bun, constant 302", port, bun);
}

async function ready(name: string, port: number, child: Bun.Subprocess): Promise<Peer> {
  const url = `http://127.0.0.1:${port}`;
  await answering(`${url}/`, 5_000);
  return {
    name,
    url,
    pid: child.pid,
    async stop() {
      child.kill("SIGTERM");
      await child.exited;
    },
  };
}

export async function answering(url: string, timeoutMs: number): Promise<void> {
  const until = Date.now() + timeoutMs;
  while (Date.now() < until) {
    const ok = await fetch(url, { redirect: "manual" }).then(
      (response) => response.status < 500,
      () => false,
    );
    if (ok) return;
    await Bun.sleep(50);
  }
  throw new Error(`${url} did not answer within ${timeoutMs} ms`);
}
