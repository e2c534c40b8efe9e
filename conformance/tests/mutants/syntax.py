"""Small changes of source code, found by walking its syntax tree."""

from __future__ import annotations

import ast
from collections import Counter
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Change", "changes"]

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
_TWINS = {"any": "all", "all": "any", "min": "max", "max": "min"}
_NEUTRAL = {"bool": ("True", "False"), "int": ("0", "1"), "str": ("''",), "None": ()}


@attrs.frozen(kw_only=True)
class Change:
    """One change of a module.

    Attributes:
        name: Where, and what became of what; it does not hang on line numbers.
        tree: Makes the changed module.
    """

    name: str
    tree: Callable[[], ast.Module]


@attrs.frozen
class _Edit:
    """A change found at a node: its parent's field is to hold *new* instead."""

    node: ast.AST
    new: ast.AST | None
    before: str
    after: str


def changes(source: str) -> Iterator[Change]:
    """Yield every change of *source* that the operators know, each with a name of its own."""
    tree = ast.parse(source)
    names: Counter[str] = Counter()
    for place, function in _functions(tree):
        for edit in _edits(function):
            name = f"{place}: {_cut(edit.before)} -> {_cut(edit.after)}"
            names[name] += 1
            suffix = f" #{names[name]}" if names[name] > 1 else ""
            yield Change(name=name + suffix, tree=partial(_changed, tree, edit))


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else f"{flat[:60]}…{flat[-25:]}"  # short names


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Yield every function, and every statement outside of one, with the name of its place."""

    def walk(nodes: list[ast.stmt], prefix: str) -> Iterator[tuple[str, ast.stmt]]:
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                yield from walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.FunctionDef):
                yield f"{prefix}{node.name}", node
            elif isinstance(node, (ast.Assign, ast.AnnAssign)) and not _is_exports(node):
                yield f"{prefix}<module>" if not prefix else prefix[:-1], node

    yield from walk(tree.body, "")


def _is_exports(node: ast.Assign | ast.AnnAssign) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(one, ast.Name) and one.id == "__all__" for one in targets)


def _edits(root: ast.stmt) -> Iterator[_Edit]:
    for node in _code(root):
        yield from _expression_edits(node)
        yield from _statement_edits(node, root)


def _code(root: ast.stmt) -> Iterator[ast.AST]:
    """Yield the nodes that run: no annotations, docstrings, decorators, or texts of messages."""
    waiting: list[ast.AST] = [root]
    while waiting:
        node = waiting.pop()
        yield node
        for name, value in ast.iter_fields(node):
            if name in {"annotation", "returns", "decorator_list", "type_comment"}:
                continue
            for child in value if isinstance(value, list) else [value]:
                silent = isinstance(child, ast.JoinedStr) or _is_docstring(child) or _is_raise(child)
                if isinstance(child, ast.AST) and not silent:
                    waiting.append(child)


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_raise(node: object) -> bool:
    return isinstance(node, ast.Raise)


def _edit(node: ast.AST, new: ast.AST) -> _Edit:
    return _Edit(node, new, ast.unparse(node), ast.unparse(new))


def _expression_edits(node: ast.AST) -> Iterator[_Edit]:  # noqa: C901  # one branch for each operator
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            for other in _COMPARISONS[type(operator)]:
                new = deepcopy(node)
                new.ops[place] = other()
                yield _edit(node, new)
    elif isinstance(node, ast.BoolOp):
        logic = deepcopy(node)
        logic.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
        yield _edit(node, logic)
        for place in range(len(node.values)):
            rest = [deepcopy(one) for at, one in enumerate(node.values) if at != place]
            yield _edit(node, rest[0] if len(rest) == 1 else ast.BoolOp(op=node.op, values=rest))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield _edit(node, deepcopy(node.operand))
    elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
        sum_ = deepcopy(node)
        sum_.op = _ARITHMETIC[type(node.op)]()
        yield _edit(node, sum_)
    elif isinstance(node, ast.Constant):
        yield from (_edit(node, ast.Constant(value=value)) for value in _other_values(node.value))
    elif isinstance(node, ast.Call):
        yield from _call_edits(node)
    elif isinstance(node, ast.IfExp):
        yield _edit(node, deepcopy(node.body))
        yield _edit(node, deepcopy(node.orelse))
    elif isinstance(node, ast.comprehension):
        for place, condition in enumerate(node.ifs):
            loop = deepcopy(node)
            del loop.ifs[place]
            yield _Edit(node, loop, f"if {ast.unparse(condition)}", "(no condition)")


def _other_values(value: object) -> list[bool | int | str]:
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    return [f"{value}X"] if isinstance(value, str) else []


def _call_edits(node: ast.Call) -> Iterator[_Edit]:
    function = node.func
    if isinstance(function, ast.Name) and function.id in _TWINS:
        new = deepcopy(node)
        new.func = ast.Name(id=_TWINS[function.id], ctx=ast.Load())
        yield _edit(node, new)
    checks_type = isinstance(function, ast.Name) and function.id == "isinstance"
    if len(node.args) > 1 and not checks_type:
        new = deepcopy(node)
        new.args[0], new.args[1] = new.args[1], new.args[0]
        yield _edit(node, new)
    alone = len(node.args) == 1 and not node.keywords and not isinstance(node.args[0], ast.GeneratorExp)
    if alone and not checks_type:
        yield _edit(node, deepcopy(node.args[0]))
    if not node.args and not node.keywords and isinstance(function, ast.Attribute):
        yield _edit(node, deepcopy(function.value))
    for place, keyword in enumerate(node.keywords):
        if keyword.arg in {"key", "default"}:
            new = deepcopy(node)
            del new.keywords[place]
            yield _edit(node, new)


def _statement_edits(node: ast.AST, root: ast.stmt) -> Iterator[_Edit]:
    if isinstance(node, ast.If) and not isinstance(node.test, ast.Compare):
        new = deepcopy(node)
        new.test = ast.UnaryOp(op=ast.Not(), operand=new.test)
        yield _Edit(node, new, f"if {ast.unparse(node.test)}", f"if {ast.unparse(new.test)}")
    if isinstance(node, ast.If):
        rest = list(node.orelse) or [ast.Pass()]
        always = ast.If(test=ast.Constant(value=True), body=rest, orelse=[])
        yield _Edit(node, always, f"if {ast.unparse(node.test)}: …", "(never)")
    if isinstance(node, ast.Return) and node.value is not None and isinstance(root, ast.FunctionDef):
        for text in _neutral(root):
            new_return = ast.parse(text, mode="eval").body
            if ast.unparse(new_return) != ast.unparse(node.value):
                yield _edit(node, ast.Return(value=new_return))
    removable = isinstance(node, (ast.Expr, ast.Continue, ast.Break, ast.AugAssign)) or (
        isinstance(node, ast.Assign) and not any(isinstance(one, ast.Name) for one in node.targets)
    )
    if removable and not _is_docstring(node):
        yield _Edit(node, ast.Pass(), ast.unparse(node), "(nothing)")


def _neutral(function: ast.FunctionDef) -> tuple[str, ...]:
    """Return expressions that a function of this type may return early."""
    returns = ast.unparse(function.returns) if function.returns is not None else ""
    if returns in _NEUTRAL:
        return _NEUTRAL[returns]
    if returns.endswith("| None"):
        return ("None",)
    if returns.startswith(("Sequence[", "list[")):
        return ("[]",)
    return ("{}",) if returns.startswith(("dict[", "Mapping[")) else ()


def _changed(tree: ast.Module, edit: _Edit) -> ast.Module:
    """Return a copy of *tree* with one node replaced."""
    places = {id(node): number for number, node in enumerate(ast.walk(tree))}
    wanted = places[id(edit.node)]
    copy = deepcopy(tree)
    target = next(node for number, node in enumerate(ast.walk(copy)) if number == wanted)
    _Replacing(target, edit.new).visit(copy)
    return ast.fix_missing_locations(copy)


class _Replacing(ast.NodeTransformer):
    def __init__(self, target: ast.AST, new: ast.AST | None) -> None:
        self._target = target
        self._new = new

    def visit(self, node: ast.AST) -> ast.AST | None:
        if node is self._target:
            return deepcopy(self._new)
        return super().visit(node)  # type: ignore[no-any-return]  # a node
