import type { ReactNode } from "react";
import { Alert, Button, Center, Loader, Stack, Text, Title } from "@mantine/core";
import { StudioError } from "../api/client";
import { useWorkspace } from "../api/session";
import { useText } from "../text/text";
import { place, To } from "./links";

/** An error as the server says it: what, why and what to do next. */
export function ErrorBox({ error, retry }: { error: Error; retry?: () => void }) {
  const text = useText();
  const hint = error instanceof StudioError ? error.hint : "";
  const isMissing = error instanceof StudioError && error.status === 404;
  return (
    <Alert color="red" variant="outline" title={text("error.title")} role="alert" my="md">
      <Text size="sm" style={{ whiteSpace: "pre-line", overflowWrap: "anywhere" }}>{error.message}</Text>
      {hint && <Text size="sm" c="dimmed" mt={4}>{hint}</Text>}
      {retry && (isMissing ? <Home /> : (
        <Button mt="sm" size="xs" variant="default" onClick={retry}>
          {text("error.retry")}
        </Button>
      ))}
    </Alert>
  );
}

/** A way out of a page that is about nothing. */
function Home() {
  const text = useText();
  return <Text size="sm" mt="sm"><To to={place.home(useWorkspace())}>{text("missing.home")}</To></Text>;
}

/** Where there is nothing yet: what would be here, and how it comes here. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <Stack className="panel" p="lg" gap="xs" align="stretch" style={{ minWidth: 0 }}>
      <Title order={2}>{title}</Title>
      {children}
    </Stack>
  );
}

export type Asked<T> = { data: T | undefined; error: Error | null; refetch: () => unknown };

/** What was asked of the server, once it is there. */
export function Loaded<T>({ from, children }: { from: Asked<T>; children: (data: T) => ReactNode }) {
  const text = useText();
  if (from.data !== undefined) return children(from.data);
  if (from.error) return <ErrorBox error={from.error} retry={() => void from.refetch()} />;
  return (
    <Center mih={120}>
      <Loader size="sm" role="status" aria-label={text("loading")} />
    </Center>
  );
}
