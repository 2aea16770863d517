"""The part of defusedxml that is used."""

from xml.etree.ElementTree import Element
from xml.etree.ElementTree import ParseError as ParseError

def fromstring(text: bytes | str) -> Element: ...
