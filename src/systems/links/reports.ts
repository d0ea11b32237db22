import type { Principal } from "../../platform/auth/principal.ts";
import type { Clock } from "../../platform/clock/clock.ts";
import type { Db, Reader, Writer } from "../../platform/db/db.ts";
import { AppError } from "../../platform/errors/errors.ts";
import type { Ids } from "../../platform/ids/ids.ts";
import type { Accounts } from "../accounts/contract.ts";
import type { Limits } from "../limits/contract.ts";
import { aliasSkeleton } from "./aliases.ts";
import type { Quarantine } from "./quarantine.ts";
import { findTarget } from "./store.ts";
import { standing } from "./standing.ts";

/**
 * What visitors say about links, and what administrators decide. Anybody may report, so one
 * address may only do so a few times an hour and one link holds only so many open reports: more
 * would tell nobody anything new.
 */
export const openReportsPerLinkMax = 50;

export type Report = {
  reason: "phishing" | "malware" | "spam" | "illegal" | "other";
  detail?: string | undefined;
  contact?: string | undefined;
};

export type ReportRow = {
  id: string;
  link_id: string;
  owner_id: string;
  code: string;
  host: string;
  url: string;
  quarantined: string | null;
  domain_quarantine: string | null;
  owner_quarantine: string | null;
  reason: Report["reason"];
  detail: string;
  contact: string;
  status: "open" | "upheld" | "dismissed";
  created_at: Date;
  decided_at: Date | null;
  decided_by: string | null;
};

export type ReportDeps = {
  db: Db;
  clock: Clock;
  ids: Ids;
  accounts: Accounts;
  limits: Limits;
  quarantine: Quarantine;
};

export class Reports {
  private readonly deps: ReportDeps;

  constructor(deps: ReportDeps) {
    this.deps = deps;
  }

  async report(code: string, domainId: string, report: Report, address: string): Promise<void> {
    const { db, ids, clock, limits } = this.deps;
    const { refusal } = await limits.take("links.reports", { ip: address });
    if (refusal) throw refusal;
    const link = await findTarget(db, { domainId, code, skeleton: aliasSkeleton(code) });
    if (!link || link.deleted_at) {
      throw new AppError("links.not_found", `There is no link ${code.slice(0, 80)}.`);
    }
    const { reason, detail = "", contact = "" } = report;
    await db.write(
      (tx) => tx.run`
        INSERT INTO links.reports (id, link_id, reason, detail, contact, created_at)
        SELECT ${ids.next()}, ${link.id}, ${reason}, ${detail}, ${contact},
          ${new Date(clock.now())}::timestamptz
        WHERE ${openReportsPerLinkMax} > (
          SELECT count(*) FROM links.reports WHERE link_id = ${link.id} AND status = 'open')`,
    );
  }

  /** Newest first; `cursor` is the id that the last page ended with. */
  async list(
    reader: Reader,
    options: { status: ReportRow["status"] | "all"; limit: number; cursor: string | null },
  ): Promise<{ rows: ReportRow[]; next_cursor: string | null }> {
    const { status, limit, cursor } = options;
    const rows = await reader.all<ReportRow>`
      SELECT r.*, l.owner_id, l.code, l.url, l.quarantined, d.host, ${standing(reader)}
      FROM links.reports r
      JOIN links.links l ON l.id = r.link_id
      JOIN links.domains d ON d.id = l.domain_id
      WHERE ${status === "all" ? reader.sql`true` : reader.sql`r.status = ${status}`}
        AND (${cursor}::bigint IS NULL OR r.id < ${cursor}::bigint)
      ORDER BY r.id DESC LIMIT ${limit + 1}`;
    const page = rows.slice(0, limit);
    return { rows: page, next_cursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null };
  }

  /** Upholding one stops the link and so settles every open report of it. */
  async decide(
    tx: Writer,
    admin: Principal,
    id: string,
    decision: "uphold" | "dismiss",
  ): Promise<void> {
    const report = await tx.one<{ link_id: string; reason: string; status: string }>`
      SELECT link_id, reason, status FROM links.reports WHERE id = ${id} FOR UPDATE`;
    if (!report) throw new AppError("links.report_not_found", `There is no report ${id}.`);
    if (report.status !== "open") {
      throw new AppError("request.conflict", `Report ${id} was decided before.`);
    }
    const status = decision === "uphold" ? "upheld" : "dismissed";
    const which = decision === "uphold" ? tx.sql`link_id = ${report.link_id}` : tx.sql`id = ${id}`;
    await tx.run`
      UPDATE links.reports SET status = ${status}, decided_by = ${admin.account_id},
        decided_at = ${new Date(this.deps.clock.now())}
      WHERE status = 'open' AND ${which}`;
    if (decision === "uphold") {
      await this.deps.quarantine.link(tx, admin, report.link_id, `report: ${report.reason}`);
    }
    await this.deps.accounts.audit(tx, {
      ...{ account_id: null, actor: admin, action: `reports.${status}`, target: id },
      detail: { link_id: report.link_id, reason: report.reason },
    });
  }
}
