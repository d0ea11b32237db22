import { useEffect, type ReactNode } from "react";
import { Redirect, Route, Switch, useLocation, useSearchParams } from "wouter";
import { AccountPage } from "./accounts/account-page.tsx";
import { AuditPage } from "./accounts/audit-page.tsx";
import { KeysPage } from "./accounts/keys-page.tsx";
import { SignInPage } from "./accounts/sign-in-page.tsx";
import { SignUpPage } from "./accounts/sign-up-page.tsx";
import { AccountsPage } from "./admin/accounts-page.tsx";
import { HealthPage } from "./admin/health-page.tsx";
import { ReportsPage } from "./admin/reports-page.tsx";
import { ModerationPage } from "./chat/admin-page.tsx";
import { ChatPage } from "./chat/chat-page.tsx";
import { JoinPage } from "./chat/join-page.tsx";
import { LimitsPage } from "./limits/limits-page.tsx";
import { RulePage } from "./limits/rule-page.tsx";
import { BulkPage } from "./links/bulk-page.tsx";
import { DomainsPage } from "./links/domains-page.tsx";
import { LinkPage } from "./links/link-page.tsx";
import { LinksPage } from "./links/links-page.tsx";
import { OverviewPage } from "./links/overview-page.tsx";
import { useSession } from "./session.tsx";
import { Shell } from "./shell.tsx";
import { Mark } from "./ui/icons.tsx";
import { Empty, Page } from "./ui/page.tsx";
import { WebhookPage } from "./webhooks/webhook-page.tsx";
import { WebhooksPage } from "./webhooks/webhooks-page.tsx";

export function App() {
  const { account } = useSession();
  if (account === undefined) return <Starting />;
  if (account === null) {
    return (
      <Switch>
        <Route path="/sign-in" component={SignInPage} />
        <Route path="/sign-up" component={SignUpPage} />
        <Route>
          <ToSignIn />
        </Route>
      </Switch>
    );
  }
  // The server lets such an account do nothing else.
  if (account.must_change_password) {
    return (
      <Shell>
        <AccountPage />
      </Shell>
    );
  }
  return (
    <Shell>
      <Switch>
        <Route path="/" component={OverviewPage} />
        <Route path="/links" component={LinksPage} />
        <Route path="/links/:id/:tab?">
          {(params) => <LinkPage key={params.id} id={params.id} tab={params.tab ?? "clicks"} />}
        </Route>
        <Route path="/chat/join/:token">{({ token }) => <JoinPage token={token} />}</Route>
        <Route path="/chat/:id?">{({ id }) => <ChatPage id={id ?? null} />}</Route>
        <Route path="/bulk" component={BulkPage} />
        <Route path="/domains" component={DomainsPage} />
        <Route path="/webhooks" component={WebhooksPage} />
        <Route path="/webhooks/:id">
          {(params) => <WebhookPage key={params.id} id={params.id} />}
        </Route>
        <Route path="/keys" component={KeysPage} />
        <Route path="/account" component={AccountPage} />
        <Route path="/audit" component={AuditPage} />
        <Route path="/health">{asAdmin(account.role, <HealthPage />)}</Route>
        <Route path="/reports">{asAdmin(account.role, <ReportsPage />)}</Route>
        <Route path="/moderation">{asAdmin(account.role, <ModerationPage />)}</Route>
        <Route path="/accounts">{asAdmin(account.role, <AccountsPage />)}</Route>
        <Route path="/limits/rules/:id/:tab?">
          {({ id, tab }) =>
            asAdmin(account.role, <RulePage key={id} id={id} tab={tab ?? "settings"} />)
          }
        </Route>
        <Route path="/limits/:tab?">
          {({ tab }) => asAdmin(account.role, <LimitsPage tab={tab ?? "rules"} />)}
        </Route>
        <Route path="/sign-in">
          <BackFromSignIn />
        </Route>
        <Route path="/sign-up">
          <Redirect to="/" replace />
        </Route>
        <Route component={NotFoundPage} />
      </Switch>
    </Shell>
  );
}

function asAdmin(role: string, page: ReactNode): ReactNode {
  return role === "admin" ? page : <NotFoundPage />;
}

/** Comes back to where the person was, and only ever to a page of the console. */
function ToSignIn() {
  const [path] = useLocation();
  const back = path === "/" ? "" : `?to=${encodeURIComponent(path)}`;
  return <Redirect to={`/sign-in${back}`} replace />;
}

function BackFromSignIn() {
  const [search] = useSearchParams();
  const to = search.get("to") ?? "/";
  return <Redirect to={/^\/[a-z]/.test(to) ? to : "/"} replace />;
}

function Starting() {
  useEffect(() => {
    document.title = "Stoa";
  }, []);
  return (
    <div role="status" aria-label="Starting" className="flex h-dvh items-center justify-center">
      <Mark className="size-10" />
    </div>
  );
}

function NotFoundPage() {
  return (
    <Page title="Not found">
      <Empty icon="search" title="There is no such page">
        The address may be misspelt, or what stood here is gone. The menu leads to everything else.
      </Empty>
    </Page>
  );
}
