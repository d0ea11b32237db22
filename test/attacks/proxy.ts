import { join } from "node:path";
import { root } from "../tidy/source.ts";

/** The configuration of nginx that deploy/ has, for a Stoa on `port`, without TLS. */
export async function nginxConfiguration(options: {
  folder: string;
  listen: number;
  port: number;
}): Promise<string> {
  const { folder, listen, port } = options;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join(" ");
  const conf = await Bun.file(join(root, "deploy/nginx/stoa.conf")).text();
  return `worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http { access_log off; ${temporary}
upstream stoa { server 127.0.0.1:${port}; keepalive 4; }
upstream short_links { server 127.0.0.1:${port}; keepalive 4; }
${proxied(conf, listen)} }`;
}

/** The server block for Stoa itself, without TLS, and what its variables come from. */
function proxied(conf: string, listen: number): string {
  const blocks = conf.split(/^server \{/m);
  const block = blocks.find((b) => b.includes("listen 443")) as string;
  const maps = conf.match(/^map .*?^\}/gms) ?? [];
  return `${maps.join("\n")}\nserver {${block}`
    .replace(/^\s*listen 443.*$/m, `  listen 127.0.0.1:${listen};`)
    .replace(/^\s*(listen \[::\]|ssl_).*$/gm, "");
}
