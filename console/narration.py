"""Events told in words, for people who watch a headless run on stderr."""

from collections import deque

from engine.snapshot import Event

MOST = 5
SPAN_S = 60.0
"""So many lines in so many seconds need attention on one subject at one level; further ones are on stdout alone."""


class Narrator:
    """Tells events in words, and is not carried away by what happens on and on."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str], deque[float]] = {}

    def __call__(self, event: Event) -> str | None:
        if event.name != "attention":
            return explain(event)
        level, subject = event.fields["level"], event.fields["subject"]
        told = self._told.setdefault((level, subject), deque(maxlen=MOST + 1))
        if len(told) > MOST and event.at - told[0] < SPAN_S:
            return None
        told.append(event.at)
        if len(told) > MOST and event.at - told[0] < SPAN_S:
            return f"{level}: {subject}: more of it for a minute only on stdout and in the log"
        return explain(event)


def explain(event: Event) -> str | None:
    """One or more lines about an event; None for those that need no words."""
    fields = event.fields
    match event.name:
        case "started":
            return f"{fields['role']} on netuid {fields['netuid']} as {fields['hotkey']}, data in {fields['data_dir']}"
        case "service" if fields["state"] in ("backing_off", "failed"):
            return f"service {fields['name']}: {fields['state'].replace('_', ' ')}, {fields['reason']}"
        case "round":
            winner = "no winner" if fields["winner_uid"] is None else f"uid {fields['winner_uid']} wins"
            kept = "" if fields["recorded"] else ", not stored yet"
            return (
                f"round {fields['id']} ({fields['kind']}): {fields['answered']} of {fields['asked']} answered, "
                f"agreement {fields['agreement']:.0%}, {winner}, {fields['duration_ms'] / 1000:.1f} s{kept}"
            )
        case "weights":
            count = len(fields["uids"])
            reason = f" ({fields['reason']})" if fields["reason"] else ""
            return f"weights of {count} miners at block {fields['block']}: {fields['outcome']}{reason}"
        case "attention":
            return f"{fields['level']}: {fields['subject']}: {fields['text']}"
        case "command":
            return f"{fields['command']} {fields['detail']}: {fields['outcome']} {fields['reason']}".rstrip()
        case "earned":
            return _earned(fields["miners"])
        case "stopped" if not fields["failed"]:
            unstored = f", {fields['unstored']} of them not stored" if fields["unstored"] else ""
            rounds = "1 round" if fields["rounds"] == 1 else f"{fields['rounds']} rounds"
            return f"stopped after {rounds}{unstored}: {fields['reason']}"
    return None


def _earned(miners: list[dict[str, float | str]]) -> str:
    head = f"{'MINER':<14}{'UID':>4}{'ROUNDS':>8}{'ANSWERED':>10}{'EMA':>9}{'WEIGHT':>9}{'EARNED':>10}"
    rows = [
        f"{row['name']:<14}{row['uid']:>4}{row['rounds']:>8}{row['answered']:>10}"
        f"{row['ema']:>9.4f}{row['weight']:>9.4f}{row['earned']:>10.4f}"
        for row in miners
    ]
    return "\n".join(["what each miner earned:", head, *rows])
