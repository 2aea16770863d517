"""The part of defusedxml that is used."""

class DefusedXmlException(ValueError): ...  # noqa: N818 - the library's name
