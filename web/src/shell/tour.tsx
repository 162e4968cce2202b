import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from "react";
import { Button, Group, Text, Title } from "@mantine/core";
import { useMatch, useNavigate } from "react-router";
import { useWorkspace } from "../api/session";
import { place } from "../parts/links";
import { useText } from "../text/text";

/** The sections that are shown, in that order. */
const STOPS = ["home", "runs", "designer", "datasets", "services", "schedules"] as const;
const KEPT = "tandemlab-tour";

type Going = {
  stop: number | null;
  /** Whether somebody asked for it, rather than having come for the first time. */
  isAsked: boolean;
  go: (stop: number | null) => void;
};

const TourContext = createContext<Going>({ stop: null, isAsked: false, go: () => undefined });

/** Shows the tour on the first page, to who has not seen it. */
export function TourProvider({ children }: { children: ReactNode }) {
  const [chosen, setChosen] = useState<number | null>(null);
  const [isNew, setIsNew] = useState(() => localStorage.getItem(KEPT) === null);
  const isHome = useMatch("/:workspace") !== null;
  const workspace = useWorkspace();
  const navigate = useNavigate();
  const go = useCallback(
    (next: number | null) => {
      setChosen(next);
      if (next === null) {
        setIsNew(false);
        localStorage.setItem(KEPT, "seen");
        return;
      }
      const section = STOPS[next] ?? "home";
      void navigate(section === "home" ? place.home(workspace) : place.section(workspace, section));
    },
    [navigate, workspace],
  );
  const stop = chosen ?? (isNew && isHome ? 0 : null);
  const isAsked = chosen !== null;
  return <TourContext value={useMemo(() => ({ stop, isAsked, go }), [stop, isAsked, go])}>{children}</TourContext>;
}

/** Begins the tour anew. */
export function useTour(): () => void {
  const { go } = useContext(TourContext);
  return useCallback(() => go(0), [go]);
}

/** A stop of the tour: beside the page, which can be used meanwhile. */
export function Tour() {
  const text = useText();
  const { stop, isAsked, go } = useContext(TourContext);
  const next = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (isAsked) next.current?.focus();
  }, [isAsked]);
  if (stop === null) return null;
  const name = STOPS[stop] ?? "home";
  const isLast = stop === STOPS.length - 1;
  const close = () => {
    go(null);
    document.getElementById("page")?.focus();
  };
  return (
    <div
      role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text" className="panel tour"
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <div aria-live="polite">
        <Text size="xs" c="dimmed">{text("tour.stop", { stop: stop + 1, all: STOPS.length })}</Text>
        <Title order={2} id="tour-title">{text(`tour.${name}`)}</Title>
        <Text size="sm" id="tour-text">{text(`tour.about.${name}`)}</Text>
      </div>
      <Group justify="space-between" mt="sm">
        <Button size="xs" variant="default" onClick={close}>{text("tour.skip")}</Button>
        <Group gap="xs">
          {stop > 0 && <Button size="xs" variant="default" onClick={() => go(stop - 1)}>{text("tour.back")}</Button>}
          <Button size="xs" ref={next} onClick={() => isLast ? close() : go(stop + 1)}>{text(isLast ? "tour.done" : "tour.next")}</Button>
        </Group>
      </Group>
    </div>
  );
}
