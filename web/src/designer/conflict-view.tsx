import { useState } from "react";
import { Badge, Button, Group, Modal, Stack, Table, Text } from "@mantine/core";
import { useMutation, useQuery } from "@tanstack/react-query";
import { useWorkspace } from "../api/session";
import { shown } from "../parts/forms";
import { ErrorBox, Loaded } from "../parts/states";
import { useText } from "../text/text";
import { differences, type Change, type StepDifference } from "./conflict";
import { CopyDialog } from "./dialogs";
import { placed } from "./layout";
import { getDraft, putDraft } from "./queries";
import { useSaver, useSaving } from "./saving";
import { useDraft, useStore } from "./store";
import { useView } from "./view";

/** Two people have changed the same version: both are shown, and nothing is overwritten unseen. */
export function ConflictView({ draft: name }: { draft: string }) {
  const text = useText();
  const workspace = useWorkspace();
  const store = useStore();
  const saver = useSaver();
  const { components } = useView();
  const { draft: base, phase } = useSaving();
  const mine = useDraft();
  const [isCopied, setIsCopied] = useState(false);
  const theirs = useQuery({
    queryKey: ["draft-newest", workspace, name], queryFn: () => getDraft(workspace, name), gcTime: 0, enabled: phase === "conflict",
  });
  const keepMine = useMutation({
    mutationFn: async (version: number) => ({ version: await putDraft(workspace, name, mine, version), draft: mine }),
    onSuccess: (kept) => saver.goOn(kept),
    // Somebody has saved once more: that one is to be seen, too.
    onError: () => void theirs.refetch(),
  });
  if (phase !== "conflict") return null;
  if (isCopied) return <CopyDialog draft={name} close={() => setIsCopied(false)} />;
  return (
    <Modal
      opened onClose={() => undefined} withCloseButton={false} closeOnEscape={false} closeOnClickOutside={false} size="64rem"
      title={text("designer.conflict")}
    >
      <Loaded from={theirs}>
        {({ version, draft }) => (
          <Stack gap="md">
            <Text size="sm">{text("designer.aboutConflict", { version })}</Text>
            <Differences all={differences(base, mine, draft)} />
            {keepMine.error && <ErrorBox error={keepMine.error} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={() => setIsCopied(true)}>{text("designer.mineAsCopy")}</Button>
              <Button
                variant="default"
                onClick={() => {
                  const kept = placed(draft, components);
                  store.edit(() => kept);
                  saver.goOn({ version, draft: kept });
                }}
              >
                {text("designer.takeTheirs")}
              </Button>
              <Button loading={keepMine.isPending} onClick={() => keepMine.mutate(version)}>{text("designer.keepMine")}</Button>
            </Group>
          </Stack>
        )}
      </Loaded>
    </Modal>
  );
}

const COLOURS: Record<Change, string> = { added: "green", changed: "orange", removed: "red", same: "gray" };

function ChangeBadge({ change }: { change: Change }) {
  const text = useText();
  return <Badge className={`badge badge-${COLOURS[change]}`} variant="default" radius="sm" tt="none">{text(`designer.change.${change}`)}</Badge>;
}

function Differences({ all }: { all: StepDifference[] }) {
  const text = useText();
  if (all.length === 0) return <Text size="sm" c="dimmed">{text("designer.onlyPlaces")}</Text>;
  return (
    <div className="panel rows" tabIndex={0} role="region" aria-label={text("designer.differences")}>
      <Table aria-label={text("designer.differences")} verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th scope="col">{text("steps.step")}</Table.Th>
            <Table.Th scope="col">{text("designer.mine")}</Table.Th>
            <Table.Th scope="col">{text("designer.theirs")}</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {all.flatMap(({ step, mine, theirs, details }) => [
            <Table.Tr key={step}>
              <Table.Th scope="row">{step}</Table.Th>
              <Table.Td><ChangeBadge change={mine} /></Table.Td>
              <Table.Td><ChangeBadge change={theirs} /></Table.Td>
            </Table.Tr>,
            ...details.map((each) => (
              <Table.Tr key={`${step} ${each.path}`}>
                <Table.Td pl="xl"><Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>{each.path.replace(/^component\.parameters\./, "")}</Text></Table.Td>
                <Table.Td className="difference-value">{shown(each.mine)}</Table.Td>
                <Table.Td className="difference-value">{shown(each.theirs)}</Table.Td>
              </Table.Tr>
            )),
          ])}
        </Table.Tbody>
      </Table>
    </div>
  );
}
