"""Configurations: what must be read, and what must be refused before anything is built of it."""

import functools
from collections.abc import Iterator

from hostile import REFUSED, Case

GOOD = "transform:\n  mode: tf-varying\n  hop: 5ms\nloss:\n  lambda: 1e-3\n"


def laughs(depth: int, width: int, opened: str = "[", closed: str = "]") -> str:
    rows = [f"a{i}: &a{i} {opened}{', '.join([f'*a{i - 1}'] * width)}{closed}" for i in range(1, depth)]
    return "\n".join(["a0: &a0 [ha]", *rows])


def legal() -> Iterator[Case]:
    texts = {
        "plain": GOOD,
        "bom": "\ufeff" + GOOD,
        "crlf": GOOD.replace("\n", "\r\n"),
        "cr": GOOD.replace("\n", "\r"),
        "flow": "{transform: {mode: tf-varying, hop: 5ms}, loss: {lambda: 1.0e-3}}",
        "json": '{"transform": {"mode": "tf-varying", "hop": "5ms"}, "loss": {"lambda": 0.001}}',
        "comments": "# é\n" * 5000 + GOOD,
        "quoted-keys": '"loss":\n  "lambda": 0.001\n',
        "document-marks": "---\n" + GOOD + "...\n",
        "yaml-1.2": "%YAML 1.2\n---\n" + GOOD,
        "core-tags": "loss: !!map\n  lambda: !!float 1e-3\n",
        "folded": "signal:\n  channel: >-\n    left\n    ear\n",
        "wide-indent": "loss:\n" + " " * 500 + "lambda: 0.001\n",
        "numbers": "run: {seed: 007}\nloss: {lambda: +.5}\n",
        "many-lines": "signal: {channel: '" + "\n" * 100_000 + "'}",
        "empty": "",
        "nothing": "~\n",
    }
    for name, text in texts.items():
        yield Case(f"legal-{name}.yaml", text.encode())


def wrong() -> Iterator[Case]:
    texts = {
        "alias-bomb": laughs(30, 9),
        "alias-bomb-flow": "{" + laughs(9, 9).replace("\n", ", ") + "}",
        "alias-bomb-maps": "a0: &a0 {x: 1}\n"
        + "\n".join(f"a{i}: &a{i} {{p: *a{i - 1}, q: *a{i - 1}}}" for i in range(1, 60)),
        "anchor": "loss: &x {lambda: 1}\n",
        "alias": "loss: *x\n",
        "self": "&a [*a]\n",
        "merge": "base: &b {lambda: 1}\nloss:\n  <<: *b\n",
        "merge-plain": "loss:\n  <<: {lambda: 1}\n",
        "depth-lists": "a: " + "[" * 10_000 + "]" * 10_000,
        "depth-maps": "a: " + "{a: " * 10_000 + "1" + "}" * 10_000,
        "depth-open": "[" * 10_000,
        "depth-dashes": "- " * 10_000 + "1",
        "depth-blocks": "".join(" " * i + "a:\n" for i in range(1000)),
        "depth-questions": "? " * 10_000,
        "depth-known": "transform: {hop: " + "[" * 25 + "]" * 25 + "}",
        "twice": "loss:\n  lambda: 1\n  lambda: 2\n",
        "twice-section": GOOD + GOOD,
        "twice-quoted": "loss:\n  lambda: 1\n  'lambda': 2\n",
        "tab": "loss:\n\tlambda: 1\n",
        "two-documents": GOOD + "---\n" + GOOD,
        "huge-integer": "run: {seed: " + "9" * 5000 + "}",
        "huge-integer-legal": "run: {seed: " + "9" * 300 + "}",
        "huge-float": "loss: {lambda: 1e400}",
        "infinite": "loss: {lambda: .inf}",
        "nan": "loss: {lambda: .nan}",
        "nan-word": "loss: {lambda: nan}",
        "negative": "loss: {lambda: -1}",
        "yes": "transform: {hop: yes}",
        "sexagesimal": "optimizer: {steps: 1:30}",
        "octal": "optimizer: {steps: 0o17}",
        "hexadecimal": "optimizer: {steps: 0x10}",
        "underscore": "optimizer: {steps: 1_000}",
        "date": "optimizer: {steps: 2024-01-01}",
        "date-impossible": "optimizer: {steps: 2024-13-45}",
        "half-steps": "optimizer: {steps: 1.5}",
        "text-steps": "optimizer: {steps: '10'}",
        "true-steps": "optimizer: {steps: true}",
        "list": "- lambda\n",
        "scalar": "hello\n",
        "number": "42\n",
        "null-byte": "loss: {lambda: 1}\0",
        "bell": "loss: {lambda: \x07}",
        "bidirectional": "lo\u202ess: {lambda: 1}",
        "escape-wide": 'loss: {lambda: "\\UFFFFFFFF"}',
        "escape-half": 'signal: {channel: "\\ud800"}',
        "quote-open": 'loss: {lambda: "1',
        "key-list": "? [a, b]\n: 1\n",
        "key-map": "? {a: b}\n: 1\n",
        "key-empty": "loss: {'': 1}",
        "key-null": "loss: {~: 1}",
        "key-number": "loss: {1: 1}",
        "key-long": "loss: {" + "k" * 900 + ": 1}",
        "key-very-long": "k" * 300_000 + ": 1",
        "directive": "%TAG ! tag:evil,2000:\n---\n!x 1\n",
        "directive-9": "%YAML 9.9\n---\na: 1\n",
        "binary": "loss: {lambda: !!binary aGVsbG8=}",
        "set": "loss: !!set {lambda}",
        "ordered": "loss: !!omap [lambda: 1]",
        "timestamp": "loss: {lambda: !!timestamp 2024-01-01}",
        "many-keys": "".join(f"k{i}: 1\n" for i in range(80_000)),
        "many-values": "signal: {channel: [" + "1," * 400_000 + "]}",
        "large": "# " + "x" * 1_100_000,
        "include": "loss: !include /etc/passwd",
        "env": "loss: !ENV ${HOME}",
    }
    for name, text in texts.items():
        yield Case(f"wrong-{name}.yaml", text.encode("utf-8", "surrogatepass"), REFUSED)
    for name, content in {
        "utf-16": GOOD.encode("utf-16"),
        "utf-16-le": GOOD.encode("utf-16-le"),
        "latin": "signal: {channel: Größe}".encode("latin-1"),
        "zip": b"PK\3\4" + bytes(range(256)),
        "null": bytes(100),
        "half-character": GOOD.encode() + b"\xe2\x82",
    }.items():
        yield Case(f"wrong-{name}.yaml", content, REFUSED)


def code(canary: str) -> list[Case]:
    """Texts that would make ``canary`` if they were believed."""
    touch = f"touch {canary}"
    texts = {
        "apply": f"!!python/object/apply:os.system ['{touch}']",
        "apply-inside": f"loss:\n  lambda: !!python/object/apply:os.system ['{touch}']",
        "new": f"!!python/object/new:os.system ['{touch}']",
        "name": "!!python/name:os.system",
        "module": "!!python/module:os",
        "object": "!!python/object:subprocess.Popen {args: ['touch', '" + canary + "']}",
        "popen": f"!!python/object/apply:subprocess.check_output [['touch', '{canary}']]",
        "tuple-new": f'!!python/object/new:tuple [!!python/object/new:map [!!python/name:eval , [\'open("{canary}", "w")\']]]',
        "full-tag": f"!<tag:yaml.org,2002:python/object/apply:os.system> ['{touch}']",
        "tag-directive": f"%TAG ! tag:yaml.org,2002:python/\n---\n!object/apply:os.system ['{touch}']",
        "key": f"? !!python/object/apply:os.system ['{touch}']\n: 1",
        "second-document": f"--- {{}}\n--- !!python/object/apply:os.system ['{touch}']",
        "state": "!!python/object/new:type\nargs: [z, !!python/tuple [], {extend: !!python/name:exec }]\n"
        + f"listitems: \"open('{canary}','w')\"",
        "long": f"!!python/object/apply:builtins.eval [\"open('{canary}', 'w')\"]",
        "tuple": "loss: {lambda: !!python/tuple [1]}",
        "shell": f"signal: {{channel: $({touch})}}\nnowhere: `{touch}`",
    }
    return [Case(f"code-{name}.yaml", text.encode(), REFUSED) for name, text in texts.items()]


@functools.cache
def cases() -> list[Case]:
    return [*legal(), *wrong()]
