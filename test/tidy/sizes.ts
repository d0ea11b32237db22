import { isCode, isTest, type Source, type Violation } from "./source.ts";

/** How large things may be and how files are called. */
const fileLinesMax = 400;
const fileLinesUsual = 200;
const lineLengthMax = 100;

/** Files that earn more than 200 lines, and how many; one that shrinks gives its room back. */
export const roomFor: Record<string, number> = {
  "sdk/transport.ts": 220,
  "src/console/links/edit-form.tsx": 240,
  "src/console/links/stats-panel.tsx": 220,
  "src/platform/config/config.ts": 400,
  "src/platform/db/backup-file.ts": 260,
  "src/platform/db/db.ts": 260,
  "src/platform/db/embedded-launch.ts": 240,
  "src/platform/http/serve.ts": 300,
  "src/platform/http/server.ts": 240,
  "src/platform/realtime/ladder.ts": 240,
  "src/platform/realtime/realtime.ts": 300,
  "src/platform/state/redis.ts": 220,
  "src/systems/chat/protocol.ts": 220,
  "src/systems/chat/live/desk.ts": 240,
  "src/systems/chat/live/people.ts": 240,
  "src/systems/chat/live/rooms.ts": 260,
  "src/systems/limits/key-table.ts": 240,
  "src/stoa.ts": 240,
  "src/systems/links/clicks/clicks.ts": 260,
  "src/systems/links/clicks/day.ts": 220,
  "src/systems/links/clicks/drain.ts": 280,
  "src/systems/links/clicks/drainer.ts": 320,
  "src/systems/links/clicks/recorder.ts": 260,
  "src/systems/links/clicks/stats.ts": 340,
  "src/systems/links/codes.ts": 220,
  "src/systems/links/import.ts": 260,
  "src/systems/links/redirect.ts": 301,
  "src/systems/links/rules.ts": 260,
  "src/systems/links/store.ts": 240,
  "src/systems/links/visits.ts": 240,
};

/** Room is given out in steps, so that not every added line is a change here. */
const roomStep = 50;

export function fileSizes(sources: Source[], rooms = roomFor): Violation[] {
  const out: Violation[] = [];
  for (const { path, text } of sources.filter((s) => isCode(s.path))) {
    // Nobody reads or edits what a program wrote.
    if (text.startsWith("// Made by bin/")) continue;
    const lines = text.split("\n").length - 1;
    const say = (message: string) => out.push({ path, line: lines, message });
    const room = rooms[path];
    if (lines > fileLinesMax) say(`${lines} lines; ${fileLinesMax} is the most: split by topic`);
    else if (isTest(path) || !/^(src|sdk)\//.test(path)) continue;
    else if (room === undefined && lines > fileLinesUsual) {
      say(`${lines} lines: split by topic, or give it room in test/tidy/sizes.ts`);
    } else if (room !== undefined && lines > room) {
      say(`${lines} lines; it was given ${room}: split by topic`);
    } else if (room !== undefined && lines <= Math.max(fileLinesUsual, room - roomStep)) {
      say(`${lines} lines; it was given ${room}: give the room back in test/tidy/sizes.ts`);
    }
  }
  const known = new Set(sources.map((s) => s.path));
  for (const path of Object.keys(rooms)) {
    if (!known.has(path)) out.push({ path, line: 1, message: "has room in sizes.ts but is gone" });
  }
  return out;
}

export function lineLengths(sources: Source[]): Violation[] {
  const out: Violation[] = [];
  for (const { path, text } of sources) {
    if (!/\.(tsx?|css|sql|sh)$/.test(path) && !/^(bin|\.ci)\//.test(path)) continue;
    for (const [index, line] of text.split("\n").entries()) {
      if ([...line].length <= lineLengthMax || isUnbreakable(line, path)) continue;
      const message = `${[...line].length} characters; ${lineLengthMax} is the most`;
      out.push({ path, line: index + 1, message });
    }
  }
  return out;
}

/**
 * An address, a regular expression, a string of SQL, an attribute of classes or of a drawing:
 * nothing that could go on the next line.
 */
function isUnbreakable(line: string, path: string): boolean {
  if (/https?:\/\/\S{20,}/.test(line)) return true;
  if (/^\s*\/.+\/[a-z]*[;,)]*$/.test(line)) return true;
  if (path.endsWith(".tsx") && /["`][^"`]{60,}/.test(line)) return true;
  if (path.endsWith(".css") && /^\s*@apply /.test(line)) return true;
  return path.endsWith(".sql") && /'[^']{60,}'/.test(line);
}

export function fileNames(sources: Source[]): Violation[] {
  const out: Violation[] = [];
  const kebab = /^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.[a-z0-9]+)*$/;
  const vague = /(^|[/-])(utils?|helpers?|managers?|common|misc|shared)([./-]|$)/;
  for (const { path } of sources.filter((s) => /^(src|sdk|test|bench)\//.test(s.path))) {
    for (const part of path.split("/")) {
      if (kebab.test(part) || /^[A-Z]+\.md$/.test(part)) continue;
      out.push({ path, line: 1, message: `${part}: kebab-case, please` });
    }
    const word = vague.exec(path)?.[2];
    if (word) out.push({ path, line: 1, message: `"${word}" says nothing: name what it is about` });
    if (/\/index\.tsx?$/.test(path)) {
      out.push({ path, line: 1, message: "no barrels: name the file by its topic" });
    }
  }
  return out;
}
