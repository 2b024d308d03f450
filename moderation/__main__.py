"""`python -m moderation "text"`: runs the filter alone, on one prompt, on a file of prompts, or on the golden prompts."""

import argparse
import json
import sys
from collections.abc import Iterator
from functools import partial
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

from msgspec import Struct, convert

from moderation.classifier.classifier import load_classifier
from moderation.owner_file import FileBroken
from moderation.policy import STANDARD, Policy, ordinary, presets
from moderation.prompts.filter import NEGATIVE, PromptFilter
from moderation.prompts.golden_prompts import DEFAULT_MUST, broken, read_golden_prompts
from moderation.prompts.named_people import read_named_people
from moderation.prompts.public_figures import load_figures
from moderation.prompts.rules import load_rules
from moderation.verdict import Verdict
from startup import StartError

NOT_HELD, BROKEN_INPUT = 1, 2  # exit codes


class _BatchBroken(FileBroken):
    what = "The batch"


class _Request(Struct):
    prompt: str
    negative: str | None = None

    @property
    def texts(self) -> dict[str, str]:
        return {"prompt": self.prompt} | ({NEGATIVE: self.negative} if self.negative else {})


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if sum(each is not None for each in (options.text, options.batch, options.must)) != 1:
        parser.error("give one text, or --batch FILE, or --must FILE")
    if options.batch is not None and options.negative is not None:
        parser.error('--negative goes with one text; a line of a file has its own "negative"')
    # Invalid UTF-8 in the input must not stop a batch, and must not break the output.
    for stream, errors in ((sys.stdin, "surrogateescape"), (sys.stdout, "backslashreplace")):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors=errors)
    try:
        rules, people = load_rules(options.rules), read_named_people(options.people)
        screen = PromptFilter(
            rules,
            None if options.rules_only else load_classifier(),
            load_figures(more=people.names(rules)),
            excused=people.excused(rules),
        )
        policy = presets()[options.policy]
        if not options.age_restricted:
            policy = ordinary(policy)
        if options.must is not None:
            return _print_broken(screen, policy, options.must)
        if options.batch is None:
            request = _Request(options.text, options.negative)
            print(_readable(screen.check(request.texts, policy=policy)))
        elif options.batch == "-":
            _print_batch(screen, policy, sys.stdin, "standard input")
        else:
            with Path(options.batch).open(encoding="utf-8-sig", errors="surrogateescape") as lines:
                _print_batch(screen, policy, lines, options.batch)
    except StartError as error:
        print(error, file=sys.stderr)
        return BROKEN_INPUT
    except BrokenPipeError:  # the reader has closed the pipe, for example `| head`
        sys.stderr.close()
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return BROKEN_INPUT
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m moderation", description="Ask the prompt filter for its verdict."
    )
    parser.add_argument("text", nargs="?", help="the prompt, all of it asked for")
    parser.add_argument("--negative", help="what the picture shall not show")
    parser.add_argument(
        "--policy", choices=sorted(presets()), default=STANDARD, help="whose thresholds apply"
    )
    parser.add_argument("--rules-only", action="store_true", help="without the learned classifier")
    parser.add_argument(
        "--age-restricted",
        action="store_true",
        help="judge as in an age-restricted channel for which a server has chosen the policy",
    )
    parser.add_argument("--rules", type=Path, metavar="FILE", help="rules instead of the default ones (TOML)")
    parser.add_argument(
        "--people", type=Path, metavar="FILE", help="real persons besides the shipped ones (TOML)"
    )
    parser.add_argument(
        "--batch", metavar="FILE", help='JSON lines {"prompt": …, "negative": …}; "-" reads standard input'
    )
    parser.add_argument(
        "--must",
        type=Path,
        metavar="FILE",
        help=f"check prompts that must be refused or allowed, in the form of {DEFAULT_MUST.name}; exit code 1 if one is not",
    )
    return parser


def _print_broken(screen: PromptFilter, policy: Policy, file: Path) -> int:
    musts = read_golden_prompts(file)
    failed = broken(musts, partial(screen.check, policy=policy))
    for must, verdict in failed:
        wanted = "refuse" if must.is_refused else "allow"
        print(
            f"must {wanted}, but {verdict.ruling.word}: {must.prompt}"
            + (f" ({verdict.rule})" if verdict.rule else "")
        )
    print(f"{len(musts) - len(failed)} of {len(musts)} hold")
    return NOT_HELD if failed else 0


def _print_batch(screen: PromptFilter, policy: Policy, lines: TextIO, file: str) -> None:
    for request in _requests(lines, file):
        verdict = screen.check(request.texts, policy=policy)
        answer = {
            "prompt": request.prompt,
            "ruling": verdict.ruling.word,
            "category": verdict.category.value,
            "rule": verdict.rule,
            "score": round(verdict.score, 4),
        }
        print(json.dumps(answer), flush=True)


def _requests(lines: TextIO, file: str) -> Iterator[_Request]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            # msgspec's own reader refuses invalid UTF-8.
            yield convert(json.loads(line), _Request)
        except (ValueError, RecursionError) as error:
            remedy = 'write {"prompt": "…", "negative": "…" (optional)}'
            raise _BatchBroken(file, f"line {number}", str(error), remedy) from error


def _readable(verdict: Verdict) -> str:
    lines = [verdict.ruling.word]
    if verdict.rule:
        lines += [
            f"  rule      {verdict.rule} ({verdict.category.value})",
            f"  words     {', '.join(verdict.words)}",
            f"  field     {verdict.field}",
        ]
    lines.append(f"  score     {verdict.score:.3f}")
    return "\n".join([*lines, f"  read as   {verdict.normal_form}"])


if __name__ == "__main__":
    sys.exit(main())
