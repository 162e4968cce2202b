import { lazy, Suspense, type ReactNode } from "react";
import { Center, Loader, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { StudioError } from "./api/client";
import { SessionProvider, useSessionQuery, useWorkspace } from "./api/session";
import { place, To } from "./parts/links";
import { Page } from "./parts/page";
import { ErrorBox } from "./parts/states";
import { Shell } from "./shell/shell";
import { Start } from "./shell/start";
import { TextProvider, useText } from "./text/text";
import { theme, variables } from "./theme";

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5_000,
      retry: (failures, error) =>
        failures < 2 && (!(error instanceof StudioError) || error.status >= 502),
    },
  },
});

const Home = lazy(() => import("./home/home"));
const Runs = lazy(() => import("./runs/runs"));
const RunPage = lazy(() => import("./run/run"));
const Compare = lazy(() => import("./compare/compare"));
const Datasets = lazy(() => import("./datasets/datasets"));
const DatasetPage = lazy(() => import("./datasets/dataset"));
const Models = lazy(() => import("./models/models"));
const ModelPage = lazy(() => import("./models/model"));
const Services = lazy(() => import("./services/services"));
const ServicePage = lazy(() => import("./services/service"));
const Compute = lazy(() => import("./compute/compute"));
const Pipelines = lazy(() => import("./pipelines/pipelines"));
const Drafts = lazy(() => import("./designer/drafts"));
const Designer = lazy(() => import("./designer/designer"));
const Schedules = lazy(() => import("./schedules/schedules"));
const Notifying = lazy(() => import("./notifications/notifications"));
const Settings = lazy(() => import("./settings/settings"));
const Experiments = lazy(() => import("./experiments/experiments"));

export function App({ nonce }: { nonce: string }) {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={variables}
      defaultColorScheme="auto"
      getStyleNonce={() => nonce}
    >
      <QueryClientProvider client={client}>
        <TextProvider>
          <Notifications position="bottom-right" />
          <BrowserRouter basename="/studio">
            <LoggedIn>
              <Pages />
            </LoggedIn>
          </BrowserRouter>
        </TextProvider>
      </QueryClientProvider>
    </MantineProvider>
  );
}

function LoggedIn({ children }: { children: ReactNode }) {
  const session = useSessionQuery();
  if (session.data) return <SessionProvider value={session.data}>{children}</SessionProvider>;
  if (session.error) return <ErrorBox error={session.error} retry={() => void session.refetch()} />;
  return <Waiting />;
}

function Waiting() {
  const text = useText();
  return (
    <Center mih="50vh">
      <Loader aria-label={text("loading")} role="status" />
    </Center>
  );
}

/** An address of nothing. */
function Missing() {
  const text = useText();
  const workspace = useWorkspace();
  return (
    <Page title={text("missing.title")}>
      <To to={place.home(workspace)}>{text("missing.home")}</To>
    </Page>
  );
}

function Pages() {
  return (
    <Suspense fallback={<Waiting />}>
      <Routes>
        <Route index element={<Start />} />
        <Route path=":workspace" element={<Shell />}>
          <Route index element={<Home />} />
          <Route path="experiments" element={<Experiments />} />
          <Route path="runs" element={<Runs />} />
          <Route path="runs/:run/:tab?" element={<RunPage />} />
          <Route path="compare" element={<Compare />} />
          <Route path="datasets" element={<Datasets />} />
          <Route path="datasets/:name" element={<DatasetPage />} />
          <Route path="models" element={<Models />} />
          <Route path="models/:name" element={<ModelPage />} />
          <Route path="services" element={<Services />} />
          <Route path="services/:name" element={<ServicePage />} />
          <Route path="compute" element={<Compute />} />
          <Route path="pipelines" element={<Pipelines />} />
          <Route path="designer" element={<Drafts />} />
          <Route path="designer/:name" element={<Designer />} />
          <Route path="schedules" element={<Schedules />} />
          <Route path="notifications" element={<Notifying />} />
          <Route path="settings" element={<Settings />} />
          <Route path="*" element={<Missing />} />
        </Route>
        <Route path="*" element={<Navigate to="/" replace />} />
      </Routes>
    </Suspense>
  );
}
