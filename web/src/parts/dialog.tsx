import { useEffect, useState, type ReactNode } from "react";
import { Modal, type MantineSize } from "@mantine/core";
import { useText } from "../text/text";

type Props = { title: string; close: () => void; size?: MantineSize | `${number}rem`; children: ReactNode };

/** A dialog over the page; what had the focus before has it again afterwards. */
export function Dialog({ title, close, size = "md", children }: Props) {
  const text = useText();
  const [opener] = useState(() => document.activeElement);
  useEffect(
    () => () => {
      if (opener instanceof HTMLElement) opener.focus();
    },
    [opener],
  );
  return (
    <Modal opened onClose={close} size={size} title={title} closeButtonProps={{ "aria-label": text("close") }}>
      {children}
    </Modal>
  );
}
