"""Where a run comes from and what came of it, as plain values that print themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import Enum
from typing import Any

_MOST_LINES = 12


class LineageKind(str, Enum):
    """What a run can be linked to."""

    RUN = "run"
    SNAPSHOT = "snapshot"
    ENVIRONMENT = "environment"
    DATASET = "dataset"
    MODEL = "model"
    ASSET = "asset"
    FILE = "file"

    def __str__(self) -> str:
        return self.value


class LineageRelation(str, Enum):
    """What the first end of a link is to the second."""

    INPUT = "input"
    OUTPUT = "output"
    PARENT = "parent"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True, slots=True)
class LineageNode:
    """A run, or what runs are made from or make.

    Attributes:
        id: of a run; the digest of a snapshot's manifest or of what was installed; NAME:VERSION
            of a data set or a model, KIND/NAME:VERSION of another asset; RUN/NAME for a file of a
            run, the absolute path of another.
        label: what people call it.
        details: more about it, by name.
    """

    kind: LineageKind
    id: str
    label: str
    details: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class LineageLink:
    """Two things of which the second came from the first.

    Attributes:
        relation: ``input`` (of a run), ``output`` (the target is one), ``parent`` (of a run).
    """

    source: LineageNode
    relation: LineageRelation
    target: LineageNode


@dataclass(frozen=True, slots=True)
class Lineage:
    """The links of a run; printed it is a tree.

    Attributes:
        run: the run that was asked for.
        links: of the run and its ancestors.
    """

    run: LineageNode
    links: Sequence[LineageLink]

    @property
    def ancestors(self) -> list[LineageNode]:
        """The run's parent, its parent and so on."""
        parents = {
            link.target.id: link.source
            for link in self.links
            if link.relation is LineageRelation.PARENT
        }
        found: list[LineageNode] = []
        at = self.run
        while at.id in parents:
            at = parents[at.id]
            found.append(at)
        return found

    @property
    def inputs(self) -> list[LineageNode]:
        """What the run was made from: its source, its environment, data sets and so on."""
        return [link.source for link in self._links(LineageRelation.INPUT, of_target=True)]

    @property
    def outputs(self) -> list[LineageNode]:
        """What the run made."""
        return [link.target for link in self._links(LineageRelation.OUTPUT)]

    @property
    def children(self) -> list[LineageNode]:
        """The runs that the run is the parent of."""
        return [link.target for link in self._links(LineageRelation.PARENT)]

    def _links(
        self, relation: LineageRelation, *, of_target: bool = False
    ) -> Iterator[LineageLink]:
        for link in self.links:
            end = link.target if of_target else link.source
            if link.relation is relation and end.id == self.run.id:
                yield link

    def to_table(self) -> dict[str, list[str]]:
        """A row for each link: ``source_kind, source, relation, target_kind, target`` (ids)."""
        return {
            "source_kind": [link.source.kind.value for link in self.links],
            "source": [link.source.id for link in self.links],
            "relation": [link.relation.value for link in self.links],
            "target_kind": [link.target.kind.value for link in self.links],
            "target": [link.target.id for link in self.links],
        }

    def to_dict(self) -> dict[str, Any]:
        """All of it as plain dicts and lists."""
        return asdict(self)

    def to_mermaid(self) -> str:
        """A flow chart in Mermaid's language, for Markdown.

        >>> run = LineageNode(LineageKind.RUN, "demo_1", "demo/1")
        >>> source = LineageNode(LineageKind.SNAPSHOT, "ab12", "train.py")
        >>> print(Lineage(run, [LineageLink(source, LineageRelation.INPUT, run)]).to_mermaid())
        flowchart LR
          n0(["run demo/1"])
          n1[/"snapshot train.py"/]
          n1 -->|input| n0
          style n0 stroke-width:3px
        """
        ends = [self.run, *(node for link in self.links for node in (link.source, link.target))]
        labels = {(node.kind, node.id): node.label for node in reversed(ends)}
        places = dict.fromkeys((node.kind, node.id) for node in ends)
        names = {place: f"n{number}" for number, place in enumerate(places)}
        lines = ["flowchart LR"]
        lines += [
            _SHAPES[kind].format(name=name, label=_quoted(f"{kind} {labels[kind, id]}"))
            for (kind, id), name in names.items()
        ]
        for link in self.links:
            source, target = (names[node.kind, node.id] for node in (link.source, link.target))
            lines.append(f"  {source} -->|{link.relation}| {target}")
        return "\n".join([*lines, "  style n0 stroke-width:3px"])

    def __str__(self) -> str:
        parts = {
            "parents": self.ancestors,
            "inputs": self.inputs,
            "outputs": self.outputs,
            "children": self.children,
        }
        branches = [
            (name, [f"{node.kind} {node.label}" for node in nodes])
            for name, nodes in parts.items()
            if nodes
        ]
        return "\n".join([f"{self.run.kind} {self.run.label}", *_tree(branches)])


_SHAPES = {
    LineageKind.RUN: '  {name}(["{label}"])',
    LineageKind.SNAPSHOT: '  {name}[/"{label}"/]',
    LineageKind.ENVIRONMENT: '  {name}[("{label}")]',
    LineageKind.DATASET: '  {name}[("{label}")]',
    LineageKind.MODEL: '  {name}{{{{"{label}"}}}}',
    LineageKind.ASSET: '  {name}["{label}"]',
    LineageKind.FILE: '  {name}["{label}"]',
}


def _quoted(text: str) -> str:
    """Text as Mermaid takes it between quotation marks."""
    for character, code in (("#", "#35;"), ('"', "#quot;"), ("<", "#lt;"), (">", "#gt;")):
        text = text.replace(character, code)
    return " ".join(text.split())


def _tree(branches: Sequence[tuple[str, Sequence[str]]]) -> Iterator[str]:
    for number, (name, leaves) in enumerate(branches, 1):
        is_last = number == len(branches)
        yield f"{'└─' if is_last else '├─'} {name}"
        shown = list(leaves[:_MOST_LINES])
        if len(leaves) > _MOST_LINES:
            shown.append(f"… {len(leaves) - _MOST_LINES} more")
        for at, leaf in enumerate(shown, 1):
            yield f"{'   ' if is_last else '│  '}{'└─' if at == len(shown) else '├─'} {leaf}"
