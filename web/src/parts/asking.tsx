import { useState, type ReactNode } from "react";
import { Button, Group, Stack, Text } from "@mantine/core";
import { useMay } from "../api/session";
import { Dialog } from "./dialog";
import { ErrorBox } from "./states";

type Act = { mutate: () => void; error: Error | null; isPending: boolean };

/** Asks for what an act needs, says why it failed, and does it. */
export function Asking(props: { title: string; about: string; act: Act; close: () => void; children: ReactNode }) {
  const { title, about, act, close, children } = props;
  return (
    <Dialog close={close} title={title}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          act.mutate();
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">{about}</Text>
          {children}
          {act.error && <ErrorBox error={act.error} />}
          <Group justify="flex-end"><Button type="submit" loading={act.isPending}>{title}</Button></Group>
        </Stack>
      </form>
    </Dialog>
  );
}

/** A button that opens a dialog, for those who may change something. */
export function AskingButton({ title, dialog }: { title: string; dialog: (close: () => void) => ReactNode }) {
  const [isOpen, setIsOpen] = useState(false);
  if (!useMay("contributor")) return null;
  return (
    <>
      <div><Button onClick={() => setIsOpen(true)}>{title}</Button></div>
      {isOpen && dialog(() => setIsOpen(false))}
    </>
  );
}
