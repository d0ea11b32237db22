/**
 * What a command says. Its result goes to stdout and nothing else does, so that
 * `TOKEN=$(stoa key create ...)` works; what is meant for a person goes to stderr.
 */
export type Terminal = {
  /** A line of the result. */
  print(text: string): void;
  json(value: unknown): void;
  /** A line for whoever watches. */
  say(text: string): void;
  progress(what: string): Progress;
};

export type Progress = {
  /** 0 to 1. */
  at(fraction: number, detail?: string): void;
  /** Ends the bar; a later `at` begins a new one. */
  end(): void;
};

type Sink = { write(text: string): unknown; isTTY?: boolean; columns?: number };

const barWidth = 24;
const redrawMs = 100;
/** Without a terminal a line is enough for each quarter. */
const plainSteps = 4;

export function createTerminal(out: Sink = process.stdout, err: Sink = process.stderr): Terminal {
  const say = (text: string) => void err.write(`${text}\n`);
  return {
    print: (text) => void out.write(`${text}\n`),
    json: (value) => void out.write(`${JSON.stringify(value, null, 2)}\n`),
    say,
    progress: (what) => (err.isTTY ? drawnProgress(err, what) : plainProgress(say, what)),
  };
}

function drawnProgress(err: Sink, what: string): Progress {
  let drawnAt = -Infinity;
  let drawn = false;
  const draw = (fraction: number, detail: string) => {
    const full = Math.round(Math.min(1, Math.max(0, fraction)) * barWidth);
    const bar = "#".repeat(full) + "-".repeat(barWidth - full);
    const line = `${what} [${bar}] ${String(Math.floor(fraction * 100)).padStart(3)} %  ${detail}`;
    err.write(`\r\x1b[2K${line.slice(0, (err.columns ?? 80) - 1)}`);
    drawn = true;
  };
  return {
    at(fraction, detail = "") {
      const now = performance.now();
      if (now - drawnAt < redrawMs && fraction < 1) return;
      drawnAt = now;
      draw(fraction, detail);
    },
    end() {
      if (drawn) err.write("\n");
      drawn = false;
    },
  };
}

function plainProgress(say: (text: string) => void, what: string): Progress {
  let said = 0;
  return {
    at(fraction) {
      const step = Math.floor(fraction * plainSteps);
      if (step <= said) return;
      said = step;
      say(`${what}: ${Math.round((step / plainSteps) * 100)} %`);
    },
    end() {
      said = 0;
    },
  };
}

/** Rows with their columns under each other; the last one is left as long as it is. */
export function tableLines(rows: string[][]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? 0, Bun.stringWidth(cell));
    }
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell + " ".repeat((widths[column] ?? 0) - Bun.stringWidth(cell)))
      .join("  ")
      .trimEnd(),
  );
}
