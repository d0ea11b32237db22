import { mkdirSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { clearAfterUs } from "./reaper.ts";
import type { Stage } from "./stage.ts";

/** Disks that a scenario may fill or cut the power of. Mounting needs root. */
export const mayMount = process.getuid?.() === 0 && canMount();

function canMount(): boolean {
  const tried = "mount -t tmpfs -o size=64k none /mnt && umount /mnt";
  return Bun.spawnSync(["unshare", "--mount", "sh", "-c", tried]).success;
}

function run(...command: string[]): void {
  const done = Bun.spawnSync(command);
  if (!done.success) throw new Error(`${command.join(" ")}: ${done.stderr}`);
}

async function mounted(stage: Stage, at: string, ...mount: string[]): Promise<string> {
  mkdirSync(at, { recursive: true });
  run("mount", ...mount, at);
  const cleared = clearAfterUs("mount", at);
  stage.defer(() => {
    run("umount", "--lazy", at);
    cleared();
  });
  await chmod(at, 0o711);
  return at;
}

/** A disk of so many MiB in memory. */
export async function smallDisk(stage: Stage, mebibytes: number): Promise<string> {
  const folder = await stage.folder("tmpfs");
  const options = ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "none"];
  return await mounted(stage, join(folder, "disk"), ...options);
}

export function resizeDisk(at: string, mebibytes: number): void {
  run("mount", "-o", `remount,size=${mebibytes}m`, at);
}

/**
 * An ext4 disk in a file. What programs wrote and did not fsync is in the memory of the kernel
 * and not in the file, so a copy of the file is what a power cut leaves. The journal is only
 * committed when somebody asks for it, and nothing else is written back while it is copied.
 */
export type ImageDisk = { at: string; image: string };

export async function imageDisk(stage: Stage, mebibytes: number): Promise<ImageDisk> {
  const folder = await stage.folder("image");
  const image = join(folder, "disk.img");
  run("truncate", "-s", `${mebibytes}M`, image);
  run("mkfs.ext4", "-q", "-F", image);
  return await mountImage(stage, image, join(folder, "disk"));
}

/** What a machine finds on this disk after the power has come back. */
export async function afterPowerCut(stage: Stage, disk: ImageDisk): Promise<ImageDisk> {
  const folder = await stage.folder("power-cut");
  const image = join(folder, "disk.img");
  run("cp", "--sparse=always", disk.image, image);
  return await mountImage(stage, image, join(folder, "disk"));
}

async function mountImage(stage: Stage, image: string, at: string): Promise<ImageDisk> {
  await mkdir(at);
  await mounted(stage, at, "-o", "loop,commit=300", image);
  return { at, image };
}
