/**
 * Puts the expositions of several processes together into one, each sample with the number of its
 * process as a label. They are not summed: a process that starts again begins at zero, and a sum
 * that falls would be taken for a reset of all of them; nor does the sum of an age, a ratio or a
 * memory limit mean anything. Whoever reads them sums what can be summed, by leaving out `process`.
 */
export type Part = { process: number; text: string };

type Family = { head: string; samples: string };

export function mergeExpositions(parts: readonly Part[]): string {
  // All samples of a family must follow each other, whoever they are of.
  const families = new Map<string, Family>();
  for (const { process, text } of parts) {
    let family: Family = { head: "", samples: "" };
    for (const line of text.split("\n")) {
      if (line.startsWith("# HELP ")) {
        const name = line.split(" ", 3)[2] ?? "";
        family = families.get(name) ?? { head: "", samples: "" };
        families.set(name, family);
      }
      if (line === "") continue;
      if (!line.startsWith("#")) family.samples += `${labelled(line, process)}\n`;
      else if (!family.head.includes(line)) family.head += `${line}\n`;
    }
  }
  return [...families.values()].map(({ head, samples }) => head + samples).join("");
}

function labelled(sample: string, process: number): string {
  const end = /[ {]/.exec(sample)?.index ?? sample.length;
  const name = sample.slice(0, end);
  const own = `process="${process}"`;
  if (sample[end] !== "{") return `${name}{${own}}${sample.slice(end)}`;
  return `${name}{${own},${sample.slice(end + 1)}`;
}
