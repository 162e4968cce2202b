import { TextInput, type TextInputProps } from "@mantine/core";
import { useText } from "../text/text";
import { isName, NAME } from "./names";

type Props = Omit<TextInputProps, "value" | "onChange" | "error"> & { value: string; onType: (name: string) => void };

/** Asks for a name; says at once what none can be, and keeps it from being sent. */
export function NameInput({ value, onType, ...others }: Props) {
  const text = useText();
  const said = text("name.cannot");
  return (
    <TextInput
      required pattern={NAME} title={said} {...others} value={value} error={value === "" || isName(value) ? null : said}
      onChange={(event) => onType(event.currentTarget.value)}
    />
  );
}
