import { useMemo } from "react";
import { Button, Group, Text } from "@mantine/core";
import { notifications } from "@mantine/notifications";
import { StudioError } from "../api/client";
import { useText, type Text as Texts } from "../text/text";

export const UNDO_MILLISECONDS = 8_000;

/** Short notes at the edge of the window, read out by screen readers. */
export function useTell() {
  const text = useText();
  return useMemo(() => tellers(text), [text]);
}

function tellers(text: Texts) {
  return {
    done: (message: string) => void notifications.show({ message, withCloseButton: true, ...closing(text) }),
    error: (error: Error) =>
      void notifications.show({
        color: "red",
        autoClose: false,
        title: error.message,
        message: error instanceof StudioError ? error.hint : "",
        ...closing(text),
      }),
    /** Tells what was done, and offers to take it back; gives the note's id. */
    undoable: (message: string, undo: () => void): string => {
      const id = notifications.show({
        autoClose: UNDO_MILLISECONDS,
        ...closing(text),
        message: (
          <Group justify="space-between" wrap="nowrap">
            <Text size="sm">{message}</Text>
            <Button
              size="compact-sm"
              variant="default"
              onClick={() => {
                notifications.hide(id);
                undo();
              }}
            >
              {text("undo")}
            </Button>
          </Group>
        ),
      });
      return id;
    },
  };
}

function closing(text: Texts) {
  return { closeButtonProps: { "aria-label": text("close") } };
}
