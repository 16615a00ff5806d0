"""Who a miner is, how it stands and the course of its score, beside each other."""

import asyncio
from math import inf

from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message

from console.present.picture import Picture
from console.screens.miner import content as miner
from console.widgets.lines import Reading
from console.widgets.panel import Panel
from engine.doors import MinerRecord, RecordReader
from engine.errors import StoreError


class MinerFacts(Horizontal):
    """Reads the rounds of the miner that is shown by itself, in a thread, also whenever another round was judged.

    `record` is what was read last, empty while another miner's is being read.
    """

    DEFAULT_CSS = """
    MinerFacts Panel { width: 1fr; padding: 0 1; }
    """

    class Read(Message):
        """Another record has come."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.record = MinerRecord()
        self._wanted = ("", -1)

    def compose(self) -> ComposeResult:
        with Panel("Miner", id="about"):
            yield Reading()
        with Panel("EMA over its last rounds", id="course", classes="wide-only"):
            yield Reading()

    def show(self, picture: Picture, hotkey: str, reader: RecordReader) -> None:
        snapshot, wanted = picture.snapshot, (hotkey, picture.snapshot.rounds_done)
        if wanted != self._wanted:
            if hotkey != self._wanted[0]:
                self.record = MinerRecord()
            self._wanted = wanted
            until = inf if snapshot.replay is None else snapshot.at
            self._load(reader, snapshot.chain.netuid, hotkey, until)
        about, course = self.query_one("#about", Panel), self.query_one("#course Reading", Reading)
        about.caption(miner.title(snapshot, hotkey))
        text, record = about.query_one(Reading), self.record
        text.show(miner.about(picture, hotkey, record, max(1, text.size.width - 1)))
        course.read(record, lambda width, height: miner.course(record, width, height))

    @work(exclusive=True, group="record")
    async def _load(self, reader: RecordReader, netuid: int, hotkey: str, until: float) -> None:
        try:
            self.record = await asyncio.to_thread(reader.miner, netuid, hotkey, until)
        except StoreError as error:
            self.record = MinerRecord(problem=str(error))
        self.post_message(self.Read())
