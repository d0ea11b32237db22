import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { Router } from "wouter";
import { App } from "./app.tsx";
import { messageOf } from "./messages.ts";
import { SessionProvider } from "./session.tsx";
import { toast, Toasts } from "./ui/toast.tsx";

const queries = new QueryClient({
  // The client retries by itself, and knows which calls may be.
  defaultOptions: { queries: { retry: false, staleTime: 5_000 }, mutations: { retry: false } },
  queryCache: new QueryCache({
    onError: (error, query) => {
      // A refresh of what is on the screen already; the first load shows its own error.
      if (query.state.data !== undefined) toast(messageOf(error), "error");
    },
  }),
});

createRoot(document.getElementById("root") as HTMLElement).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Router base="/console">
        <SessionProvider>
          <App />
        </SessionProvider>
        <Toasts />
      </Router>
    </QueryClientProvider>
  </StrictMode>,
);
