"""Turns the flow chart that istio-iptables draws, in mermaid's syntax, into Graphviz's.

Each chain is one box with its rules from top to bottom. An arrow leads from a rule to the chain it jumps to.
"""

import re
import sys

chains, rules, starts, arrows = {}, {}, {}, []
chain = None
for line in map(str.strip, sys.stdin):
    if found := re.fullmatch(r'subgraph (\w+)\["(.+)"\]', line):
        chain, chains[found[1]] = found[1], (found[2], [])
    elif line == "end":
        chain = None
    elif found := re.fullmatch(r'(\w+)\["(.+)"\]', line):
        chains[chain][1].append(found[1])
        rules[found[1]] = (chain, found[2])
    elif found := re.fullmatch(r'(\w+)\(\["(.+)"\]\)', line):
        starts[found[1]] = found[2]
    elif found := re.fullmatch(r"(\w+) (-->|-\.->) (\w+)", line):
        # Within a chain, the order of the rules shows it.
        if not (found[1] in rules and found[3] in rules):
            arrows.append((found[1], found[3]))
    elif not re.match(r"%%|flowchart |direction ", line):
        sys.exit(f"unknown line: {line}")


def escaped(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def row(port, text):
    text = '<br align="left"/>'.join(escaped(part) for part in text.split("<br>"))
    return f'<tr><td port="{port}" align="left" balign="left">{text}</td></tr>'


print('digraph rules {')
print('  graph [rankdir=LR, nodesep=0.3, ranksep=0.8, bgcolor="white", pad=0.2]')
print('  node [shape=plain, fontname="monospace", fontsize=11]')
print('  edge [color="#495057"]')
for name, (title, members) in chains.items():
    rows = "".join(row(member, rules[member][1]) for member in members)
    print(f'  {name} [label=<<table border="1" color="#868e96" cellborder="0" cellspacing="0" cellpadding="4">'
          f'<tr><td port="head" bgcolor="#e7f5ff"><b>{escaped(title)}</b></td></tr>{rows}</table>>]')
for name, text in starts.items():
    print(f'  {name} [shape=box, style="rounded,filled", fillcolor="#fff4e6", color="#d9480f", fontname="sans-serif", label="{text}"]')
for source, to in arrows:
    end = f"{to}:head:w" if to in chains else to
    print(f"  {rules[source][0]}:{source}:e -> {end}" if source in rules else f"  {source} -> {end}")
print("}")
