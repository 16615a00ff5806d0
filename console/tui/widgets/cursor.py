"""The keys that take a cursor over rows: the same in every list and table."""

from console.tui.widgets.paint import Painted


class Cursor(Painted):
    """Rows under a cursor, which is `at` one of them. A subclass says how many there are and how it goes to another."""

    at = 0

    @property
    def count(self) -> int:
        """How many rows there are."""
        raise NotImplementedError

    @property
    def page(self) -> int:
        """How many rows are to be seen at once."""
        return max(1, self.size.height)

    def move_to(self, index: int) -> None:
        """Have the cursor go to a row by the operator's will; to the nearest one when there is none of that number."""
        raise NotImplementedError

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def do_nav_down(self) -> None:
        self.move_to(self.at + 1)

    def do_nav_up(self) -> None:
        self.move_to(self.at - 1)

    def do_nav_top(self) -> None:
        self.move_to(0)

    def do_nav_bottom(self) -> None:
        self.move_to(self.count - 1)

    def do_nav_page_down(self) -> None:
        self.move_to(self.at + self.page)

    def do_nav_page_up(self) -> None:
        self.move_to(self.at - self.page)

    def do_nav_half_down(self) -> None:
        self.move_to(self.at + max(1, self.page // 2))

    def do_nav_half_up(self) -> None:
        self.move_to(self.at - max(1, self.page // 2))
