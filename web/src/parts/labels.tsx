import { useState } from "react";
import { ActionIcon, Badge, Button, Group, Text, Textarea, TextInput } from "@mantine/core";
import { useText } from "../text/text";
import { Icon } from "./icon";

type Chip = { id: string; label: string; removing: string };

/** Short labels, which may be taken off; and a field for one more. */
export function Chips(props: {
  chips: Chip[];
  none: string;
  newOne: string;
  example?: string;
  may: boolean;
  add: (typed: string) => void;
  remove: (id: string) => void;
}) {
  const { chips, none, newOne, example, may, add, remove } = props;
  const text = useText();
  const [typed, setTyped] = useState("");
  return (
    <>
      <Group gap={6}>
        {chips.map(({ id, label, removing }) => (
          <Badge
            key={id} variant="default" radius="sm" tt="none" size="lg" fw={500}
            rightSection={may && (
              <ActionIcon size="xs" variant="transparent" c="inherit" aria-label={removing} onClick={() => remove(id)}>
                <Icon name="close" size={12} />
              </ActionIcon>
            )}
          >
            {label}
          </Badge>
        ))}
        {chips.length === 0 && <Text size="sm" c="dimmed">{none}</Text>}
      </Group>
      {may && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (typed.trim()) add(typed.trim());
            setTyped("");
          }}
        >
          <Group gap="xs">
            <TextInput
              size="xs" aria-label={newOne} placeholder={example ?? newOne} value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
            />
            <Button size="xs" variant="default" type="submit" disabled={!typed.trim()}>{text("run.addTag")}</Button>
          </Group>
        </form>
      )}
    </>
  );
}

type LabelsProps = {
  tags: Record<string, string | null>;
  may: boolean;
  set: (name: string, value: string | null) => void;
  remove: (name: string) => void;
};

/** Tags; a new one is typed as "name: value". */
export function Labels({ tags, may, set, remove }: LabelsProps) {
  const text = useText();
  return (
    <Chips
      chips={Object.entries(tags).map(([name, value]) => ({
        id: name, label: value ? `${name}: ${value}` : name, removing: text("run.removeTag", { name }),
      }))}
      none={text("run.noTags")} newOne={text("run.newTag")} example={text("run.tagExample")} may={may} remove={remove}
      add={(typed) => {
        const [name = "", ...value] = typed.split(":");
        if (name.trim()) set(name.trim(), value.length ? value.join(":").trim() : null);
      }}
    />
  );
}

/** A text that says what something is for. */
export function Description(props: { description: string | null; may: boolean; set: (description: string) => void }) {
  const { description, may, set } = props;
  const text = useText();
  const [typed, setTyped] = useState<string | null>(null);
  if (typed === null) {
    return (
      <>
        <Text size="sm" style={{ whiteSpace: "pre-wrap" }} {...(description ? {} : { c: "dimmed" })}>
          {description ?? text("run.noDescription")}
        </Text>
        {may && (
          <Button size="compact-xs" variant="default" style={{ alignSelf: "flex-start" }} onClick={() => setTyped(description ?? "")}>
            {text("run.edit")}
          </Button>
        )}
      </>
    );
  }
  return (
    <>
      <Textarea
        autosize minRows={2} autoFocus aria-label={text("run.description")} value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      <Group gap="xs">
        <Button
          size="compact-sm"
          onClick={() => {
            set(typed);
            setTyped(null);
          }}
        >
          {text("save")}
        </Button>
        <Button size="compact-sm" variant="default" onClick={() => setTyped(null)}>{text("run.leave")}</Button>
      </Group>
    </>
  );
}
