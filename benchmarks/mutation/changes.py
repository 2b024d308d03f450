"""Finds the small changes that can be made to a module's source, and draws a sample of them. Runs nothing.

A change replaces a few characters. Docstrings, annotations, decorators, asserts, calls of the log, `__slots__`, code for the type
checker and the `strict` of `zip` stay as they are: no test should notice those.
"""

import ast
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import unified_diff
from itertools import chain, islice, pairwise, zip_longest

BOUNDARY: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
}
NEGATED: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", ">="),
    ast.LtE: ("<=", ">"),
    ast.Gt: (">", "<="),
    ast.GtE: (">=", "<"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: ("is not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: ("not in", "in"),
}
JOINED: dict[type[ast.boolop], tuple[str, str]] = {ast.And: ("and", "or"), ast.Or: ("or", "and")}
SIGNS: dict[type[ast.operator], tuple[str, str]] = {ast.Add: ("+", "-"), ast.Sub: ("-", "+")}

SQL = re.compile(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b")
SQL_WORDS = {
    "boundary": (("<", "<="), ("<=", "<"), (">", ">="), (">=", ">")),
    "and or": (("AND", "OR"), ("OR", "AND")),
    "negated": (("IS NULL", "IS NOT NULL"), ("IS NOT NULL", "IS NULL")),
}
"""Most of what db/ decides is decided in SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    kind: str
    line: int  # of the first changed line, from 1
    before: str  # the changed lines, without indentation
    after: str
    original: str  # the whole module
    source: str  # the whole module after the change

    def diff(self, path: str) -> str:
        """Returns a unified diff without context."""
        old, new = self.original.splitlines(), self.source.splitlines()
        return "\n".join(unified_diff(old, new, path, path, n=0, lineterm=""))


def changes(source: str) -> list[Change]:
    """Returns every change of the module, in order of its place. `source` ends with a line break."""
    finder = _Finder(source.encode())
    finder.visit(ast.parse(source))
    found: list[Change] = []
    for kind, start, end, text in sorted(finder.edits, key=lambda edit: edit[1:]):
        content = finder.source
        first = content.rfind(b"\n", 0, start) + 1
        last = content.find(b"\n", end)
        before, after = content[first:last], content[first:start] + text + content[end:last]
        changed = (content[:first] + after + content[last:]).decode()
        line = content.count(b"\n", 0, first) + 1
        found.append(
            Change(
                kind=kind,
                line=line,
                before=_flat(before),
                after=_flat(after),
                original=source,
                source=changed,
            )
        )
    return found


def sample(found: Iterable[Change], count: int, seed: int) -> list[Change]:
    """Draws changes of as many kinds as possible. The draw depends on the changed lines, not on their numbers: an edit elsewhere
    in the module keeps most of it.
    """

    def rank(change: Change) -> bytes:
        return hashlib.sha256(f"{seed} {change.kind} {change.before} {change.after}".encode()).digest()

    of_kind: dict[str, list[Change]] = {}
    for change in sorted(found, key=rank):
        of_kind.setdefault(change.kind, []).append(change)
    in_turn = chain.from_iterable(zip_longest(*of_kind.values()))
    return list(islice((change for change in in_turn if change and _compiles(change.source)), count))


def _compiles(source: str) -> bool:
    try:
        compile(source, "changed", "exec")
    except SyntaxError:
        return False
    return True


def _flat(lines: bytes) -> str:
    return "\n".join(line.strip() for line in lines.decode().splitlines())


class _Finder:
    """Collects edits of a module as (kind, start, end, new text). Places are in bytes, as `ast` counts columns."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.edits: list[tuple[str, int, int, bytes]] = []
        self._starts = [0]  # of the lines
        for line in source.splitlines(keepends=True):
            self._starts.append(self._starts[-1] + len(line))

    def visit(self, node: ast.AST) -> None:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                for default in (*node.args.defaults, *node.args.kw_defaults):
                    self._default(default)
                self._visit_all(node.body)
            case ast.ClassDef():
                self._visit_all(node.body)
            case ast.AnnAssign():
                self._default(node.value)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                self._visit_all(node.orelse)
            case (
                ast.Expr(value=ast.Constant())
                | ast.Assert()
                | ast.JoinedStr()
                | ast.Call(func=ast.Attribute(value=ast.Name(id="log")))
                | ast.Assign(targets=[ast.Name(id="__slots__")])
                | ast.keyword(arg="strict")
            ):
                pass
            case _:
                self._edit(node)
                self._visit_all(ast.iter_child_nodes(node))

    def _visit_all(self, nodes: Iterable[ast.AST]) -> None:
        for node in nodes:
            self.visit(node)

    def _default(self, value: ast.expr | None) -> None:
        if isinstance(value, ast.Constant):
            self._constant("default", value)
        elif value is not None:
            self.visit(value)

    def _edit(self, node: ast.AST) -> None:
        match node:
            case ast.Compare():
                for (one, other), op in zip(pairwise([node.left, *node.comparators]), node.ops, strict=True):
                    if type(op) in BOUNDARY:
                        self._between("boundary", one, other, *BOUNDARY[type(op)])
                    self._between("negated", one, other, *NEGATED[type(op)])
            case ast.BoolOp():
                for one, other in pairwise(node.values):
                    self._between("and or", one, other, *JOINED[type(node.op)])
            case ast.BinOp(left=one, right=other) | ast.AugAssign(target=one, value=other):
                if type(node.op) in SIGNS and not (_is_sequence(one) or _is_sequence(other)):
                    self._between("plus minus", one, other, *SIGNS[type(node.op)])
            case ast.UnaryOp(op=ast.Not()):
                start = self._place(node)[0]
                self._add("not dropped", start, start + len("not "), "")
            case ast.Return(value=ast.expr() as value):
                if not (isinstance(value, ast.Constant) and not value.value):  # None is as false as these
                    self._replace("return dropped", value, "None")
            case ast.If() | ast.IfExp():
                self._branch(node.test, "True", "False")
            case ast.While():
                self._branch(node.test, "False")  # True would only hang
            case ast.comprehension():
                for test in node.ifs:
                    self._branch(test, "True", "False")
            case ast.match_case(guard=ast.expr() as guard):
                self._branch(guard, "True", "False")
            case ast.Break():
                self._replace("break continue", node, "continue")
            case ast.Continue():
                self._replace("break continue", node, "break")
            case ast.Constant():
                self._constant("constant", node)
            case _:
                pass

    def _branch(self, test: ast.expr, *outcomes: str) -> None:
        if not any(isinstance(each, ast.NamedExpr) for each in ast.walk(test)):
            for outcome in outcomes:
                self._replace("branch", test, outcome)

    def _constant(self, kind: str, node: ast.Constant) -> None:
        match node.value:
            case bool(value):
                self._replace(kind, node, repr(not value))
            case int(value) | float(value):
                self._replace(kind, node, repr(value + 1))
                self._replace(kind, node, repr(value - 1))
            case str(value) if SQL.match(value):
                self._sql(*self._place(node))
            case _:
                pass

    def _sql(self, start: int, end: int) -> None:
        for kind, pairs in SQL_WORDS.items():
            for word, other in pairs:
                for found in re.finditer(rf"(?<=\s){word}(?=\s)".encode(), self.source[start:end]):
                    self._add(kind, start + found.start(), start + found.end(), other)

    def _between(self, kind: str, one: ast.expr, other: ast.expr, word: str, replacement: str) -> None:
        """Replaces the operator between two operands. Outside them are only spaces, parentheses and comments."""
        start, end = self._place(one)[1], self._place(other)[0]
        at = self.source.index(word.encode(), start, end)
        self._add(kind, at, at + len(word), replacement)

    def _replace(self, kind: str, node: ast.expr | ast.stmt, text: str) -> None:
        self._add(kind, *self._place(node), text)

    def _add(self, kind: str, start: int, end: int, text: str) -> None:
        self.edits.append((kind, start, end, text.encode()))

    def _place(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        end_line, end_column = node.end_lineno, node.end_col_offset
        assert end_line is not None and end_column is not None
        return self._starts[node.lineno - 1] + node.col_offset, self._starts[end_line - 1] + end_column


def _is_sequence(node: ast.expr) -> bool:
    """Tells sequences that are joined by a plus; a minus between them is noticed by any test."""
    return isinstance(node, ast.List | ast.ListComp | ast.Tuple | ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )
