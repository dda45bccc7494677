"""Tables for people: plain text, or Markdown for docs/benchmarks.md."""
import re
import sys

NUMBER = re.compile(r"-|(> |[-+])?[0-9.]+( ?[MK]B| s| %)?")
markdown = False
missed = []  # what --strict is about: aims that were not reached, measurements that could not be made


def set_markdown():
    global markdown
    markdown = True


def out(text):
    sys.stdout.write(text)
    sys.stdout.flush()


def say(text):
    out(text + "\n")


def mb(kib):
    return f"{kib / 1024:.1f} MB" if kib < 102400 else f"{kib / 1024:.0f} MB"


def ratio(a, b):
    return f"{a / b:.2f}" if b else "-"


class Table:
    def __init__(self, title, aim, head):
        self.title, self.aim, self.head = title, aim, head
        self.rows, self.notes, self.result = [], [], None

    @staticmethod
    def heading(title, aim):
        return f"## {title}\n\nAim: {aim}.\n" if markdown else f"{title}\n  aim: {aim}\n"

    def row(self, *cells):
        self.rows.append([*map(str, cells)] + [""] * (len(self.head) - len(cells)))

    def note(self, text):
        self.notes.append(text)

    def verdict(self, reached, text):
        self.result = f"{'reached' if reached else 'not reached'}: {text}"
        if not reached:
            missed.append(f"{self.title}: {self.result}")

    def fault(self, what, why):
        """A row that is no measurement: what was to be measured, and why it was not."""
        self.rows.append([what, why] + [""] * (len(self.head) - 2))
        missed.append(f"{self.title}: {what}: {why}")

    def lines(self):
        widths = [max(len(row[i]) for row in [self.head] + self.rows) for i in range(len(self.head))]
        is_number = [all(not row[i] or NUMBER.fullmatch(row[i]) for row in self.rows) for i in range(len(self.head))]
        edge = "| " if markdown else "  "

        def line(cells):
            return edge + (" | " if markdown else "  ").join(
                cell.rjust(w) if n else cell.ljust(w) for cell, w, n in zip(cells, widths, is_number)).rstrip() + (" |" if markdown else "")

        yield line(self.head)
        if markdown:
            yield "|" + "|".join("-" * (w + 1) + (":" if n else "-") for w, n in zip(widths, is_number)) + "|"
        else:
            yield "  " + "-" * (sum(widths) + 2 * len(widths) - 2)
        for row in self.rows:
            yield line(row)

    def show(self):
        say(self.heading(self.title, self.aim))
        for line in self.lines():
            say(line)
        say("")
        if self.result:
            say(("**" + self.result + "**" if markdown else "  " + self.result) + "\n")
        for note in self.notes:
            say(("- " if markdown else "  ") + note)
        if self.notes:
            say("")
