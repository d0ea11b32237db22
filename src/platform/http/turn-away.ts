import { dlopen, ptr } from "bun:ffi";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/**
 * Lets no new connection begin on a listening socket that is about to close, while those that
 * have begun still get in. Closing alone cannot be done without loss: the kernel goes on making
 * connections until the very close, and resets those that nobody has accepted by then, whose
 * clients may have sent a request already and cannot know what became of it. A socket filter that
 * drops SYN segments ends that. A client that comes too late sends its SYN again after a second
 * and is refused, which is safe to try elsewhere.
 *
 * Linux only, needs no privilege; elsewhere that instant stays. Rejected: `listen` with a backlog
 * of 0, which still lets one in, and handing the queue to a sibling (net.ipv4.tcp_migrate_req),
 * which takes a setting of the whole machine.
 * Source: socket(7), SO_ATTACH_FILTER; linux/filter.h.
 */
export function turnAwayNew(port: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    const fd = listeningSocket(port);
    return fd !== null && attachFilter(fd);
  } catch {
    return false; // no /proc, or no C library of this name: the close goes on without it
  }
}

/** Loads the byte with the flags of the TCP header; a SYN is dropped, all else may pass. */
const dropSyn = [
  { code: 0x30, jumpTrue: 0, jumpFalse: 0, value: 13 },
  { code: 0x45, jumpTrue: 1, jumpFalse: 0, value: 0x02 },
  { code: 0x06, jumpTrue: 0, jumpFalse: 0, value: 0xffff_ffff },
  { code: 0x06, jumpTrue: 0, jumpFalse: 0, value: 0 },
];
const solSocket = 1;
const soAttachFilter = 26;
/** Of `struct sock_filter`, and of `struct sock_fprog` on 64-bit machines. */
const instructionBytes = 8;
const programBytes = 16;

function attachFilter(fd: number): boolean {
  const instructions = Buffer.alloc(dropSyn.length * instructionBytes);
  for (const [n, { code, jumpTrue, jumpFalse, value }] of dropSyn.entries()) {
    const at = n * instructionBytes;
    instructions.writeUInt16LE(code, at);
    instructions.writeUInt8(jumpTrue, at + 2);
    instructions.writeUInt8(jumpFalse, at + 3);
    instructions.writeUInt32LE(value, at + 4);
  }
  const program = Buffer.alloc(programBytes);
  program.writeUInt16LE(dropSyn.length, 0);
  program.writeBigUInt64LE(BigInt(ptr(instructions)), 8);
  const { symbols, close } = openLibrary();
  const set = symbols.setsockopt(fd, solSocket, soAttachFilter, ptr(program), programBytes);
  close();
  return set === 0;
}

function openLibrary() {
  const setsockopt = { args: ["i32", "i32", "i32", "ptr", "u32"], returns: "i32" } as const;
  try {
    return dlopen("libc.so.6", { setsockopt });
  } catch {
    const machine = process.arch === "arm64" ? "aarch64" : "x86_64";
    return dlopen(`libc.musl-${machine}.so.1`, { setsockopt });
  }
}

/** Which of our file descriptors listens on this port, since Bun does not tell. */
function listeningSocket(port: number): number | null {
  const listening = "0A";
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes = new Set<string>();
  for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    for (const line of readFileSync(table, "utf8").split("\n")) {
      const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
      if (state === listening && local?.endsWith(suffix) && inode) inodes.add(`socket:[${inode}]`);
    }
  }
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (inodes.has(readlinkSync(`/proc/self/fd/${fd}`))) return Number(fd);
    } catch {
      // The one that listed the folder is gone by now.
    }
  }
  return null;
}
