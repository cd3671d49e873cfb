"""Plans as texts that a person reviews: one clause, one member on a line."""

from __future__ import annotations

from stanchion.expr import tree
from stanchion.plan.aggregate import AggregatePlan, Measure
from stanchion.plan.read import Body, ReadPlan, Shown, ShownMany, ShownOne

# expressions


def said(node: object) -> str:
    """A condition or value as it would be written; `$1` is the first literal of the request."""
    match node:
        case tree.Const(value=value):
            return {True: "true", False: "false", None: "error"}[value]
        case tree.Not(part=part):
            return f"!({said(part)})"
        case tree.And(parts=parts):
            return " && ".join(_grouped(part) for part in parts)
        case tree.Or(parts=parts):
            return " || ".join(_grouped(part) for part in parts)
        case (
            tree.Compare(op=op, left=left, right=right) | tree.Arith(op=op, left=left, right=right)
        ):
            return f"{said(left)} {op} {said(right)}"
        case tree.In(value=value, items=items):
            return f"{said(value)} in {said(items)}"
        case tree.TextTest(op=op, value=value, part=part):
            return f"{said(value)}.{op}({said(part)})"
        case tree.Has(path=path):
            return f"has({said(path)})"
        case tree.Truth(value=value):
            return said(value)
        case tree.Macro(kind=kind, source=source, variable=variable, body=body):
            return f"{said(source)}.{kind}({variable}, {said(body)})"
        case tree.Path():
            return _path(node)
        case tree.Many(source=source, collection=collection, field=field, caller=caller):
            seen = "visible " if caller else ""
            if node.link:
                return f"{said(source)}.({seen}{collection} through {node.link}.{field})"
            return f"{said(source)}.({seen}{collection} by {field})"
        case tree.Lit(slot=None, value=value):
            return repr(value)
        case tree.Lit(slot=slot, negative=negative, type=type):
            return f"{'-' if negative else ''}${(slot or 0) + 1}:{type}"
        case tree.Var(name=name):
            return name
        case tree.Null():
            return "null"
        case tree.Now():
            return "now"
        case tree.ListOf(items=items):
            return f"[{', '.join(said(item) for item in items)}]"
        case tree.Negate(value=value):
            return f"-{said(value)}"
        case tree.Lower(value=value):
            return f"{said(value)}.lowerAscii()"
        case tree.Size(value=value):
            return f"size({said(value)})"
    raise AssertionError(node)


def _grouped(part: tree.Node) -> str:
    return f"({said(part)})" if isinstance(part, (tree.And, tree.Or)) else said(part)


def _path(path: tree.Path) -> str:
    sign = "?" if path.caller else ""  # only through records that the caller may see
    steps = "".join(f".{hop.field}{sign}" for hop in path.hops)
    leaf = f".{path.leaf}" if path.leaf else ""
    return f"{path.root}{steps}{leaf}{'~' if path.masked else ''}"


# plans


def plan_text(plan: ReadPlan | AggregatePlan) -> str:
    """A plan, one decision on a line."""
    lines = [f"collection {plan.collection.name}"]
    if plan.where != tree.TRUE:
        lines.append(f"where      {said(plan.where)}")
    if plan.search:
        lines.append(f"search     {', '.join(field.name for field in plan.search)}")
    if isinstance(plan, AggregatePlan):
        for key in plan.group:
            lines.append(f"group      {said(key.path)}")
        if plan.count:
            lines.append("count")
        for measure in plan.measures:
            lines.append(f"{measure.function}        {said(measure.named.path)}")
        for term in plan.sort:
            of = term.of
            place = of.place if isinstance(of, Measure) else said(of.path) if of else "count"
            lines.append(f"sort       {place} {'down' if term.descending else 'up'}")
        return "\n".join(lines) + "\n"
    for key in plan.sort:
        nullable = ", nullable" if key.nullable else ""
        way = "down" if key.descending else "up"
        lines.append(f"sort       {said(key.named.path)} {way}{nullable}")
    lines.append(f"body       {'plain' if plan.body.plain else 'with a digest for an ETag'}")
    lines += _body_lines(plan.body, 1)
    return "\n".join(lines) + "\n"


def _body_lines(body: Body, depth: int) -> list[str]:
    indent = "  " * depth
    lines: list[str] = []
    plain: list[str] = []
    for shown in body.shown:
        if isinstance(shown, Shown) and shown.when == tree.TRUE:
            plain.append(shown.field.name)
            continue
        if plain:
            lines.append(indent + " ".join(plain))
            plain = []
        lines += _shown_lines(shown, indent, depth)
    return lines + ([indent + " ".join(plain)] if plain else [])


def _shown_lines(shown: Shown | ShownOne | ShownMany, indent: str, depth: int) -> list[str]:
    if isinstance(shown, ShownMany):
        head = f"{shown.relation.name} -> many {shown.body.collection.name}"
        rules = [("where", shown.rule)]
        if shown.relation.link is not None:
            head += f" through {shown.relation.link}"
            rules.insert(0, ("linked where", shown.link))
    else:
        head, rules = shown.field.name, [("if", shown.when)]
        if isinstance(shown, ShownOne):
            head += f" -> one {shown.body.collection.name}"
            rules.append(("where", shown.rule))
    head += "".join(f" {word} {said(rule)}" for word, rule in rules if rule != tree.TRUE)
    if isinstance(shown, Shown):
        return [indent + head]
    return [indent + head, *_body_lines(shown.body, depth + 1)]
