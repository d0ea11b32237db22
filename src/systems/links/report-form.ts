import { z } from "zod";
import { AppError, errorStatus } from "../../platform/errors/errors.ts";
import { readBody } from "../../platform/http/body.ts";
import { invalid } from "../../platform/http/problem.ts";
import { reportedPage, reportPage, reportReasons } from "./pages.ts";
import type { Report } from "./reports.ts";
import { wantsHtml } from "./visit.ts";

/** The public form at `/{code}+report`: GET shows it, POST takes it. */
export type ReportLink = (
  code: string,
  domainId: string,
  report: Report,
  address: string,
) => Promise<void>;

/** Text of full length, percent-encoded. */
const formBytesMax = 32 * 1024;

/** The same for the form and the API. */
export const reportFields = {
  reason: z.enum(reportReasons),
  detail: z.string().trim().max(2_000).optional(),
  contact: z.string().trim().max(254).optional(),
};
const formSchema = z.object(reportFields);

export async function answerReport(
  request: Request,
  link: { code: string; domainId: string; address: string },
  report: ReportLink,
): Promise<Response> {
  if (request.method !== "POST") return reportPage(link.code, null);
  try {
    await report(link.code, link.domainId, await formOf(request), link.address);
    return reportedPage();
  } catch (error) {
    if (!(error instanceof AppError) || !wantsHtml(request)) throw error;
    const { body, headers } = reportPage(link.code, error.message);
    return new Response(body, { status: errorStatus[error.code], headers });
  }
}

async function formOf(request: Request): Promise<Report> {
  const text = new TextDecoder().decode(await readBody(request, formBytesMax));
  const fields = [...new URLSearchParams(text)].map(([name, value]) => {
    return [name, value.replaceAll("\0", "")];
  });
  const parsed = formSchema.safeParse(Object.fromEntries(fields));
  if (!parsed.success) throw invalid("form", parsed.error);
  return parsed.data;
}
