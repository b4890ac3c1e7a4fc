"""The grammar of the command line, and nothing else: no module that takes time to import.

In: nothing. Out: the parser, whose result names the verb and holds its arguments.

    build_parser().parse_args(["run", "model.aic", "--fill", "ones"]).fill     # "ones"
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from .. import __version__

EMIT = ("ir", "llvm", "asm", "obj", "lib", "exe", "isa")
MODEL = "a model: FILE.py:FUNCTION, FILE.aic, FILE.onnx"

Parser = argparse.ArgumentParser


def build_parser() -> Parser:
    """Return the parser of the whole command line."""
    parser = Parser("aicomp", description="Compile, run, inspect and benchmark models.", epilog=epilog("list ops"))
    parser.add_argument("--version", action="version", version=f"aicomp {__version__}")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", required=True)
    for name, (summary, example, fill) in VERBS.items():
        verb = verbs.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            epilog=epilog(example),
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        fill(verb)
    return parser


def epilog(example: str) -> str:
    """Return the last lines of a help text."""
    return f"example:\n  aicomp {example}"


def pair(text: str) -> tuple[str, str]:
    """Return the two sides of NAME=VALUE."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=VALUE")
    return name, value


def file_pair(text: str) -> tuple[str, str]:
    """Return the name and the path of NAME=@FILE."""
    name, value = pair(text)
    if not value.startswith("@") or value == "@":
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAME=@FILE.npy")
    return name, value[1:]


def setting(text: str) -> tuple[str, object]:
    """Return the name and the value of NAME=VALUE, a number where it reads as one."""
    name, value = pair(text)
    for kind in (int, float):
        try:
            return name, kind(value)
        except ValueError:
            continue
    return name, value


def compile_options(parser: Parser) -> None:
    """Add the options that say how to compile."""
    group = parser.add_argument_group("compilation")
    group.add_argument("--target", default="cpu", help="the backend, one of `aicomp list targets` (default cpu)")
    group.add_argument(
        "-O",
        dest="opt_level",
        type=int,
        choices=range(4),
        default=2,
        help="level: 0 fuses nothing (default 2)",
    )
    group.add_argument("--threads", type=int, metavar="N", help="compute threads (default: all this process may use)")
    group.add_argument("--disable-pass", action="append", default=[], metavar="NAME", help="leave a pass out")
    group.add_argument("--exact", action="store_true", help="bar every rewrite that can change a rounding")
    group.add_argument("--no-cache", action="store_true", help="neither read nor write the code cache")
    group.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="NAME=VALUE",
        help="an option of the backend's own",
    )


def model_argument(parser: Parser, text: str = MODEL) -> None:
    """Add the model, and the shapes of its inputs where it does not say them."""
    parser.add_argument("model", metavar="MODEL", help=text)
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        type=pair,
        metavar="NAME=TYPE",
        help="type of an input, as in x=f32[1,28,28], where the model does not say it",
    )


def feed_options(parser: Parser) -> None:
    """Add the options that say what the inputs hold."""
    parser.add_argument(
        "-i",
        dest="inputs",
        action="append",
        default=[],
        type=file_pair,
        metavar="NAME=@FILE.npy",
        help="an input",
    )
    parser.add_argument(
        "--fill", choices=("random", "zeros", "ones"), default="random", help="what the other inputs hold"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of --fill random (default 0)")


def _compile(parser: Parser) -> None:
    model_argument(parser)
    parser.add_argument("-o", dest="output", required=True, metavar="OUT", help="file to write; - is stdout for text")
    parser.add_argument("--emit", choices=EMIT, help="what to write (default: an artefact that `run` and ac.load take)")
    compile_options(parser)


def _run(parser: Parser) -> None:
    model_argument(parser, f"{MODEL}, or an artefact of `compile`")
    feed_options(parser)
    parser.add_argument(
        "-o",
        dest="outputs",
        action="append",
        default=[],
        type=file_pair,
        metavar="NAME=@FILE.npy",
        help="an output",
    )
    parser.add_argument("--json", action="store_true", help="print the summary of the outputs as JSON")
    compile_options(parser)


def _bench(parser: Parser) -> None:
    model_argument(parser)
    parser.add_argument(
        "--baseline",
        default="-O0",
        metavar="FLAGS",
        help='options of the other side, as in --baseline="-O2 --threads 1"',
    )
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--iterations", type=int, metavar="N", help="calls of each side")
    length.add_argument("--duration", type=float, default=3.0, metavar="S", help="seconds in all (default 3)")
    parser.add_argument("--rtol", type=float, metavar="R", help="how far outputs may differ (default by dtype)")
    parser.add_argument("--atol", type=float, metavar="A", help="absolute part of it (default by dtype)")
    parser.add_argument("--json", metavar="FILE", help="also write the results to FILE; - is stdout, without the table")
    parser.add_argument("--profile", action="store_true", help="print a row for each kernel")
    feed_options(parser)
    compile_options(parser)


def _inspect(parser: Parser) -> None:
    model_argument(parser)
    parser.add_argument("--stage", choices=("import", "opt", "lower"), default="opt", help="(default opt)")
    parser.add_argument("--print-ir-after-all", action="store_true", help="print the graph after each pass")
    parser.add_argument("--print-ir-diff", action="store_true", help="print what each pass changed")
    parser.add_argument("--dump-dir", metavar="DIR", help="write the graph after each pass to DIR")
    parser.add_argument("--json", action="store_true", help="print nodes, types and pass times as JSON")
    parser.add_argument("--graphml", metavar="FILE", help="write the graph for programs that draw graphs")
    compile_options(parser)


def _opt(parser: Parser) -> None:
    model_argument(parser, "a graph: FILE.aic (- is stdin), or any model")
    parser.add_argument("--passes", required=True, metavar="LIST", help='as in "fold_constants{max_bytes=64},fuse"')
    parser.add_argument("--verify-each", action="store_true", help="check each pass against the interpreter")
    parser.add_argument("-o", dest="output", default="-", metavar="OUT.aic", help="(default stdout)")


def _verify(parser: Parser) -> None:
    model_argument(parser)
    parser.add_argument("--against", choices=("interpreter", "onnxruntime"), default="interpreter", help="the judge")
    parser.add_argument("--rtol", type=float, metavar="R", help="relative tolerance (default by dtype)")
    parser.add_argument("--atol", type=float, metavar="A", help="absolute tolerance (default by dtype)")
    parser.add_argument("--json", action="store_true", help="print the comparison as JSON")
    feed_options(parser)
    compile_options(parser)


def _list(parser: Parser) -> None:
    parser.add_argument("what", choices=("ops", "passes", "targets"))
    parser.add_argument("--json", action="store_true", help="print as JSON")


def _doctor(parser: Parser) -> None:
    parser.add_argument("--json", action="store_true", help="print as JSON")


ZOO = "benchmarks/models/lenet5.py:model"
VERBS: dict[str, tuple[str, str, Callable[[Parser], None]]] = {
    "compile": ("compile a model to a file", f"compile {ZOO} --emit exe -o lenet5", _compile),
    "run": ("run a model once", f"run {ZOO} -i x=@digits.npy -o output=@scores.npy", _run),
    "bench": ("time a model against a baseline, in turn", f"bench {ZOO} --baseline=-O0 --duration 5", _bench),
    "inspect": ("print the graph at any stage", f"inspect {ZOO} --print-ir-diff", _inspect),
    "opt": (
        "run chosen passes over a graph",
        'opt lenet5.aic --passes "fold_constants,fuse" --verify-each',
        _opt,
    ),
    "verify": ("compare compiled outputs with a judge's", f"verify {ZOO} --against interpreter", _verify),
    "list": ("list operators, passes or targets", "list ops", _list),
    "doctor": ("report on this machine and installation", "doctor", _doctor),
}
