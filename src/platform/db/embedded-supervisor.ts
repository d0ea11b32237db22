import { launch, shutDown, type Cluster, type Server } from "./embedded-launch.ts";
import {
  EmbeddedPostgresError,
  goneWithin,
  isDiskFull,
  postgresProcesses,
  signal,
} from "./embedded-owner.ts";

/** So many deaths within the window, and restarting does not help. */
const deathsMax = 5;
const deathsWindowMs = 60_000;
const restartDelayMs = 50;
/** How long what was killed may take to be gone; the next start would wait for it as well. */
const killedGoneMs = 400;
/** A full disk is somebody else's to mend, so it is waited for instead of given up on. */
const diskFullRetryMs = 2_000;

/** Keeps one server running: a death is answered by a start, after a growing pause. */
export class Supervisor {
  restarts = 0;
  private readonly cluster: Cluster;
  private readonly givenUp = Promise.withResolvers<Error>();
  private server: Server | undefined;
  private stopping = false;
  private deaths: number[] = [];
  private restarting: Promise<void> = Promise.resolve();
  /** Where no parent-death signal exists, an ordinary exit at least takes PostgreSQL along. */
  private readonly onExit = (): void => this.server?.kill("SIGINT");

  constructor(cluster: Cluster) {
    this.cluster = cluster;
    process.on("exit", this.onExit);
  }

  /** 0 before the first start. */
  get pid(): number {
    return this.server?.pid ?? 0;
  }

  /** Resolves when PostgreSQL keeps dying and is not started any more. */
  get fatal(): Promise<Error> {
    return this.givenUp.promise;
  }

  async start(): Promise<void> {
    const started = await launch(this.cluster, (spawned) => {
      this.server = spawned;
      if (this.stopping) spawned.kill("SIGINT");
    });
    void started.exited.then((code) => {
      if (this.stopping) return;
      const said = started.lastWords();
      this.cluster.log.error("PostgreSQL died; starting it again", { code, said });
      this.restarting = this.restart(said);
    });
  }

  async stop(deadline?: AbortSignal): Promise<void> {
    this.stopping = true;
    process.off("exit", this.onExit);
    if (this.server) await shutDown(this.server, deadline);
    await this.restarting;
    // A restart under way may have brought up another one.
    if (this.server) await shutDown(this.server, deadline);
    // A postmaster that had to be killed leaves children behind, and frozen ones never notice.
    const { pgdata } = this.cluster;
    for (const pid of postgresProcesses(pgdata)) signal(pid, "SIGKILL");
    await goneWithin(pgdata, killedGoneMs);
  }

  private async restart(lastWords: string): Promise<void> {
    const { log } = this.cluster;
    for (let said = lastWords; !this.stopping;) {
      const now = performance.now();
      this.deaths = this.deaths.filter((time) => now - time < deathsWindowMs);
      if (!isDiskFull(said)) this.deaths.push(now);
      if (this.deaths.length > deathsMax) return this.giveUp(said);
      const pause = isDiskFull(said) ? diskFullRetryMs : restartDelayMs * 2 ** this.deaths.length;
      await Bun.sleep(pause);
      if (this.stopping) return;
      try {
        await this.start();
        this.restarts++;
        log.info("PostgreSQL runs again", { pid: this.pid, restarts: this.restarts });
        return;
      } catch (error) {
        said = (error as Error).message;
        if (!this.stopping) log.error("PostgreSQL did not start", { error });
      }
    }
  }

  private giveUp(said: string): void {
    const error = new EmbeddedPostgresError(
      `PostgreSQL died ${this.deaths.length} times within ${deathsWindowMs / 1000} s. ` +
        `Its last words:\n${said}`,
    );
    this.cluster.log.error("PostgreSQL keeps dying; giving up", { error });
    this.givenUp.resolve(error);
  }
}
