"""The whole subnet: what a place costs, its neurons, its validators."""

from textual.app import ComposeResult

from console.present.picture import Picture
from console.screens.base import ConsoleScreen
from console.screens.subnet import content
from console.widgets.lines import Facts
from console.widgets.panel import Panel, TablePanel


class SubnetScreen(ConsoleScreen):
    """Facts above, neurons in the middle, validators below."""

    NAME = "subnet"

    DEFAULT_CSS = """
    SubnetScreen {
        & #facts { height: auto; max-height: 13; padding: 0 1; }
        & #standing { height: auto; max-height: 11; }
        & #neurons { height: 2fr; }
        & #validators { height: 1fr; }
        &.-short #facts { max-height: 5; }
        &.-short #standing { max-height: 3; }
        &.-low #facts { display: none; }
    }
    """

    def body(self) -> ComposeResult:
        with Panel("Subnet", id="facts"):
            yield Facts(id="standing")
        pays = self.host.picture.snapshot.role != "miner"
        yield TablePanel("Neurons", content.COMPARED if pays else content.NEURONS, id="neurons")
        yield TablePanel("Validators", content.VALIDATORS, id="validators")

    def show(self, picture: Picture) -> None:
        subnet = picture.snapshot.subnet
        self.query_one("#standing", Facts).show(content.subnet_facts(picture.snapshot))
        if subnet is not None:
            self.query_one("#neurons", TablePanel).show(content.neurons(picture.snapshot), picture.now)
            note = content.out_of_line(subnet.validators)
            self.query_one("#validators", TablePanel).show(content.validators(picture.snapshot), picture.now, note)
