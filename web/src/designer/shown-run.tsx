import { useState } from "react";
import { Button, Group, Loader, Menu, Text, UnstyledButton } from "@mantine/core";
import { useWorkspace } from "../api/session";
import { Icon } from "../parts/icon";
import { place, To } from "../parts/links";
import { Loaded } from "../parts/states";
import { hasEnded, Status } from "../parts/status";
import { When } from "../parts/when";
import { useRunActions } from "../run/actions";
import { useRun } from "../run/queries";
import { useText } from "../text/text";
import { useDraftRuns } from "./queries";
import { useView } from "./view";

type Show = (run: string | null) => void;

/** The run whose steps are looked at, and others of the draft. */
export function ShownRun({ draft, show }: { draft: string; show: Show }) {
  const { run } = useView();
  return (
    <>
      {run !== null && <State run={run} leave={() => show(null)} />}
      <Runs draft={draft} show={show} />
    </>
  );
}

function State({ run: id, leave }: { run: string; leave: () => void }) {
  const text = useText();
  const workspace = useWorkspace();
  const { mayEdit } = useView();
  const { cancel } = useRunActions(workspace);
  const run = useRun(workspace, id);
  if (!run.data) return <Loader size="xs" role="status" aria-label={text("loading")} />;
  const { status, display_name: name } = run.data;
  return (
    <Group gap={6} wrap="nowrap" visibleFrom="sm">
      <To to={place.run(workspace, id)}>{name}</To>
      <Status status={status} />
      {mayEdit && !hasEnded(status) && (
        <Button size="compact-xs" variant="default" disabled={status === "CancelRequested"} onClick={() => cancel([id])}>
          {text("services.stop")}
        </Button>
      )}
      <UnstyledButton className="tool" aria-label={text("designer.leaveRun")} onClick={leave}><Icon name="close" size={14} /></UnstyledButton>
    </Group>
  );
}

function Runs({ draft, show }: { draft: string; show: Show }) {
  const text = useText();
  const [isOpen, setIsOpen] = useState(false);
  const runs = useDraftRuns(useWorkspace(), draft, isOpen);
  return (
    <Menu position="bottom-end" opened={isOpen} onChange={setIsOpen}>
      <Menu.Target><Button size="xs" variant="default">{text("runs.title")}</Button></Menu.Target>
      <Menu.Dropdown>
        <Loaded from={runs}>
          {(all) =>
            all.length === 0 ? <Text size="sm" c="dimmed" p="xs">{text("designer.noRuns")}</Text> : all.map(({ id, display_name: name, status, created }) => (
              <Menu.Item key={id} rightSection={<Status status={status} />} onClick={() => show(id)}>
                {name} <Text span size="xs" c="dimmed"><When time={created} /></Text>
              </Menu.Item>
            ))}
        </Loaded>
      </Menu.Dropdown>
    </Menu>
  );
}
