"""Pictures, parsed as an SVG viewer would."""

from xml.etree.ElementTree import Element, fromstring

SVG = "{http://www.w3.org/2000/svg}"


def svg_of(text: str) -> Element:
    root = fromstring(text.encode())  # noqa: S314 written by ourselves
    assert root.tag == f"{SVG}svg"
    return root
