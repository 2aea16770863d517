"""Numbers with their nouns, in English: what is told in other languages is worded so that no number bends it."""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, an `s` behind it for all but one.

    >>> counted(1, "home"), counted(0, "home"), counted(2000, "home")
    ('1 home', '0 homes', '2000 homes')
    """
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
