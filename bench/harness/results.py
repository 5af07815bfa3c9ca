# SPDX-License-Identifier: MIT
"""results.json, results.csv and report.html: whole, or not at all."""

import csv
import io
import json
import os
import tempfile

PLAIN = ("ops", "wall_ns", "ns_per_op", "best_ns", "user_us", "sys_us",
         "others", "faults", "major_faults", "rss_kib", "rss_idle_kib",
         "peak_kib", "harness_kib", "net_peak_kib")
EXTRA = ("syscalls", "instructions")


def check_writable(out: str) -> None:
    """OSError when nothing could be written there at the end."""
    os.makedirs(out, exist_ok=True)
    with tempfile.TemporaryFile(dir=out):
        pass


def write(path: str, text: str) -> None:
    handle, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _line(row: str, name: str, index: int, sample: dict, extra: dict):
    more = ";".join(f"{key}={value}" for key, value in sample.items()
                    if key not in PLAIN and isinstance(value, float))
    return (row, name, index, sample["status"], sample.get("why", ""),
            *(sample.get(key, "") for key in PLAIN),
            *(extra.get(key, "") for key in EXTRA), more)


def as_csv(outcome, notes: list) -> str:
    """A line for each sample; notes at the end as rows named "(note)"."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("row", "allocator", "repetition", "status", "why",
                     *PLAIN, *EXTRA, "more"))
    for row, by_allocator in outcome.samples.items():
        for name, taken in by_allocator.items():
            extra = outcome.extra.get(row, {}).get(name, {})
            for index, sample in enumerate(taken):
                writer.writerow(_line(row, name, index, sample, extra))
    for kind, words in notes:
        writer.writerow(("(note)", "", "", kind, words))
    return text.getvalue()


def write_all(out: str, outcome, model: dict, options: dict, verdicts: list,
              page: str) -> None:
    """The three files; `page` is the text of report.html."""
    results = {"model": model, "options": options, "targets": verdicts,
               "machine": model["machine"], "samples": outcome.samples,
               "thp_never": outcome.never, "extra": outcome.extra,
               "counted": outcome.counted, "notes": model["notes"],
               "interrupted": outcome.interrupted}
    write(os.path.join(out, "results.json"), json.dumps(results, indent=1))
    write(os.path.join(out, "results.csv"), as_csv(outcome, model["notes"]))
    write(os.path.join(out, "report.html"), page)


def load_model(out: str) -> tuple[dict, list]:
    """(model, verdicts) of an earlier run; ValueError, one line, without."""
    path = os.path.join(out, "results.json")
    try:
        with open(path, encoding="utf-8") as file:
            results = json.load(file)
        return results["model"], results["targets"]
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not of this version") from error
