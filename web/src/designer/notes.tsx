import { memo, useState } from "react";
import { Textarea, TextInput } from "@mantine/core";
import { NodeResizer, type Node, type NodeProps } from "@xyflow/react";
import { useText } from "../text/text";
import { changeComment, renameGroup } from "./edits";
import { useStore } from "./store";
import type { Comment, Group } from "./types";
import { useView } from "./view";

export type CommentNodeType = Node<{ comment: Comment }, "comment">;
export type GroupNodeType = Node<{ group: Group }, "frame">;

/** A text on the canvas. */
export const CommentNode = memo(function CommentNode({ data: { comment }, selected }: NodeProps<CommentNodeType>) {
  const text = useText();
  const store = useStore();
  const { mayEdit } = useView();
  const { id } = comment;
  return (
    <div className="comment">
      <NodeResizer
        isVisible={selected && mayEdit} minWidth={120} minHeight={60}
        onResizeEnd={(_, { x, y, width, height }) => store.edit((draft) => changeComment(draft, id, { x, y, width, height }))}
      />
      <Textarea
        classNames={{ root: "comment-text", wrapper: "comment-text", input: "comment-text nodrag nowheel" }} variant="unstyled"
        aria-label={text("designer.comment")} placeholder={text("designer.comment")} value={comment.text} readOnly={!mayEdit}
        onChange={({ currentTarget: { value } }) => store.edit((draft) => changeComment(draft, id, { text: value }), `comment ${id}`)}
      />
    </div>
  );
});

/** A frame around steps; its title selects them. */
export const GroupNode = memo(function GroupNode({ data: { group } }: NodeProps<GroupNodeType>) {
  const text = useText();
  const store = useStore();
  const { mayEdit } = useView();
  const [isRenamed, setIsRenamed] = useState(false);
  if (isRenamed) {
    return (
      <TextInput
        className="nodrag" size="xs" autoFocus aria-label={text("designer.groupTitle")} value={group.title}
        onChange={({ currentTarget: { value } }) => store.edit((draft) => renameGroup(draft, group.id, value), `group ${group.id}`)}
        onBlur={() => setIsRenamed(false)}
        onKeyDown={(event) => (event.key === "Enter" || event.key === "Escape") && setIsRenamed(false)}
      />
    );
  }
  return (
    <button
      type="button" className="group-title nodrag truncated" title={mayEdit ? text("designer.groupHelp") : undefined}
      onClick={() => store.select(group.steps)} onDoubleClick={() => setIsRenamed(mayEdit)}
      onKeyDown={(event) => event.key === "F2" && setIsRenamed(mayEdit)}
    >
      {group.title}
    </button>
  );
});
