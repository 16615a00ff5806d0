"""Mutations of a module: small changes to its syntax tree, one at a time."""

import ast
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

SHOWN = 100
"""Characters: the largest expression or statement around a change that is no longer is what is shown of it."""

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.Pow: ast.Mult,
    ast.MatMult: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_OPPOSITES = {"min": "max", "max": "min", "any": "all", "all": "any", "minimum": "maximum", "maximum": "minimum"}
_SQL = re.compile(r"\b(?:SELECT|INSERT|UPDATE|DELETE|WHERE|FROM)\b")
_SQL_CHANGES = (
    (r" DESC\b", ""),
    (r"(ORDER BY [\w.]+)(?! DESC)\b", r"\1 DESC"),
    (r" AND ", " OR "),
    (r" OR ", " AND "),
    (r">=", ">"),
    (r"<=", "<"),
    (r" > ", " >= "),
    (r" < ", " <= "),
    (r"(?<![<>!]) = ", " != "),
    (r"\bmax\(", "min("),
    (r"\bmin\(", "max("),
    (r" \+ 1\b", ""),
    (r" DISTINCT\b", ""),
    (r" IS NOT NULL", " IS NULL"),
)
_NAME = re.compile(r"[A-Za-z][\w/.-]*")

_LINES = ast.stmt | ast.ExceptHandler
"""What begins a line of its own."""

Change = tuple[str, ast.AST]


class Mutation(Struct, frozen=True):
    """One change: its kind, the line and the function or class where it is, and the code there before and after.

    `write` gives the whole module with it.
    """

    kind: str
    line: int
    where: str
    was: str
    now: str
    write: Callable[[], str]


class _Place(Struct, frozen=True):
    """Where a node hangs in its tree, and through which ancestors, outermost first."""

    parent: ast.AST
    field: str
    index: int | None
    ancestors: tuple[ast.AST, ...]
    where: str

    @property
    def node(self) -> ast.AST:
        held = getattr(self.parent, self.field)
        found: ast.AST = held if self.index is None else held[self.index]
        return found

    @contextmanager
    def holding(self, other: ast.AST) -> Iterator[None]:
        before = self.node
        self._put(other)
        try:
            yield
        finally:
            self._put(before)

    def _put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def sites(source: str) -> list[list[Mutation]]:
    """The mutations of a module, a list for each place that has any.

    Left alone are what no run depends on (annotations, docstrings, decorators, options of a class, log lines, `dtype`
    and `strict`, which only guard) and texts for people.
    """
    tree = ast.parse(source)
    found = ([_mutation(tree, place, change) for change in _changes(place.node)] for place in _places(tree))
    return [some for some in found if some]


def _mutation(tree: ast.Module, place: _Place, change: Change) -> Mutation:
    kind, other = change
    shown = _shown(place)

    def write() -> str:
        with place.holding(other):
            return ast.unparse(ast.fix_missing_locations(tree))

    was = _text(shown or place.node)
    with place.holding(other):
        now = _text(shown or other)
    line = next(node.lineno for node in (place.node, *reversed(place.ancestors)) if isinstance(node, ast.expr | _LINES))
    return Mutation(kind, line, place.where, was, now, write)


def _shown(place: _Place) -> ast.AST | None:
    """The largest expression or statement around a node that is short enough, None for the node by itself."""
    best = None
    if isinstance(place.node, _LINES):
        return None
    for ancestor in reversed(place.ancestors):
        if isinstance(ancestor, ast.expr | ast.keyword | _LINES) and len(_text(ancestor)) <= SHOWN:
            best = ancestor
        if isinstance(ancestor, _LINES):
            break
    return best


def _text(node: ast.AST) -> str:
    """A node's code; of a compound statement the first line, of what follows an error the second as well."""
    text = ast.unparse(ast.fix_missing_locations(node))
    if isinstance(node, ast.ExceptHandler):
        return " ".join(text.split("\n")[:2]).replace("     ", " ")
    return text.partition("\n")[0] if isinstance(node, ast.stmt) else " ".join(text.split())


def _places(node: ast.AST, ancestors: tuple[ast.AST, ...] = (), names: tuple[str, ...] = ()) -> Iterator[_Place]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        names = (*names, node.name)
    ancestors = (*ancestors, node)
    for field, held in ast.iter_fields(node):
        children = enumerate(held) if isinstance(held, list) else [(None, held)]
        for index, child in children:
            if isinstance(child, ast.AST) and not _left_alone(node, field, child):
                yield _Place(node, field, index, ancestors, ".".join(names))
                yield from _places(child, ancestors, names)


def _left_alone(parent: ast.AST, field: str, child: ast.AST) -> bool:
    match parent, child:
        case ast.ClassDef(), _ if field in ("keywords", "decorator_list", "bases"):
            return True
        case _, _ if field in ("annotation", "returns", "decorator_list", "format_spec"):
            return not any(isinstance(part, ast.Call) for part in ast.walk(child))
        case _, ast.Expr(value=ast.Constant()):
            return True
        case _, ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log")))):
            return True
        case ast.Subscript(value=ast.Name(id="Literal")), _ if field == "slice":
            return True
        case _, ast.Assign(targets=[ast.Name(id="__slots__")]) | ast.keyword(arg="dtype" | "strict"):
            return True
        case _, ast.Call(func=ast.Name(id="TypeVar")):
            return True
        case ast.JoinedStr(), ast.Constant(value=str(text)):
            return not _SQL.search(text)
    return False


def _changes(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Compare(left, ops, comparators):
            for place, op in enumerate(ops):
                for other in _COMPARISONS[type(op)]:
                    yield "comparison", ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], comparators)
        case ast.BoolOp(op, values):
            yield "and, or", ast.BoolOp(ast.Or() if isinstance(op, ast.And) else ast.And(), values)
            for place in range(len(values)):
                kept = [*values[:place], *values[place + 1 :]]
                yield "condition dropped", kept[0] if len(kept) == 1 else ast.BoolOp(op, kept)
        case ast.UnaryOp(ast.Not() | ast.USub() | ast.Invert(), operand):
            yield "sign or not dropped", operand
        case ast.BinOp(left, op, right) if type(op) in _ARITHMETIC:
            yield "arithmetic", ast.BinOp(left, _ARITHMETIC[type(op)](), right)
        case ast.AugAssign(target, op, value):
            if type(op) in _ARITHMETIC:
                yield "arithmetic", ast.AugAssign(target, _ARITHMETIC[type(op)](), value)
            yield "statement dropped", ast.Pass()
        case ast.IfExp(test, body, orelse):
            yield "branches swapped", ast.IfExp(test, orelse, body)
        case ast.If(test, body, orelse):
            yield "condition negated", ast.If(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.While(test, body, orelse):
            yield "condition negated", ast.While(ast.UnaryOp(ast.Not(), test), body, orelse)
        case ast.comprehension(target, iterated, ifs, is_async) if ifs:
            for place in range(len(ifs)):
                yield "filter dropped", ast.comprehension(target, iterated, [*ifs[:place], *ifs[place + 1 :]], is_async)
        case ast.Constant(value):
            for changed in _other_values(value):
                yield "constant", ast.Constant(changed)
        case ast.Subscript(value, ast.Slice()):
            yield "slice dropped", value
        case ast.Call():
            yield from _other_calls(node)
        case _:
            yield from _other_statements(node)


def _other_values(value: object) -> Iterator[bool | int | float | str]:
    match value:
        case bool():
            yield not value
        case int():
            yield value + 1
            yield value - 1
        case float():
            yield value * 2 if value else 1.0
            yield value / 2 if value else -1.0
        case str() if _SQL.search(value):
            for pattern, other in _SQL_CHANGES:
                for match in re.finditer(pattern, value):
                    yield value[: match.start()] + match.expand(other) + value[match.end() :]
        case str() if _NAME.fullmatch(value):
            yield f"X{value}"


def _other_calls(node: ast.Call) -> Iterator[Change]:
    called, arguments, keywords = node.func, node.args, node.keywords
    match called:
        case ast.Name(id=name) if name in _OPPOSITES:
            yield "min, max, any, all", ast.Call(ast.Name(_OPPOSITES[name], ast.Load()), arguments, keywords)
        case ast.Attribute(value=value, attr=name) if name in _OPPOSITES:
            yield (
                "min, max, any, all",
                ast.Call(ast.Attribute(value, _OPPOSITES[name], ast.Load()), arguments, keywords),
            )
        case ast.Name(id="sorted") if len(arguments) == 1:
            yield "call dropped", ast.Call(ast.Name("list", ast.Load()), arguments, [])
        case ast.Name(id="abs") if len(arguments) == 1:
            yield "call dropped", arguments[0]
    for place, keyword in enumerate(keywords):
        if not _left_alone(node, "keywords", keyword) and keyword.arg is not None:
            yield "argument dropped", ast.Call(called, arguments, [*keywords[:place], *keywords[place + 1 :]])


def _other_statements(node: ast.AST) -> Iterator[Change]:
    match node:
        case ast.Return(value) if value is not None and not (isinstance(value, ast.Constant) and value.value is None):
            yield "nothing returned", ast.Return(ast.Constant(None))
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise() | ast.Delete():
            yield "statement dropped", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement dropped", ast.Pass()
        case ast.Continue():
            yield "continue, break", ast.Break()
        case ast.Break():
            yield "continue, break", ast.Continue()
        case ast.ExceptHandler(kind, name, body) if not isinstance(body[0], ast.Raise):
            yield "error passed on", ast.ExceptHandler(kind, name, [ast.Raise()])
