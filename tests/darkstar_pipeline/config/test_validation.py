from pydantic import BaseModel, ValidationError

from darkstar_pipeline.config.validation import MAX_ERRORS, describe_validation


class Numbers(BaseModel):
    values: list[int]


def described(values: object, **options: str) -> str:
    try:
        Numbers.model_validate(values)
    except ValidationError as error:
        return describe_validation(error, whole="the numbers", **options)
    raise AssertionError


def test_describe_validation_names_every_place_when_several_are_wrong() -> None:
    line = described({"values": ["a", 1, "b"]})
    assert [part.split(":")[0] for part in line.split("; ")] == ["values.0", "values.2"]


def test_describe_validation_counts_the_rest_when_there_are_many() -> None:
    line = described({"values": ["a"] * (MAX_ERRORS + 3)})
    assert line.count("values.") == MAX_ERRORS
    assert line.endswith("; and 3 more")


def test_describe_validation_names_the_whole_when_no_key_is_wrong() -> None:
    assert described([1]).startswith("the numbers: ")


def test_describe_validation_puts_the_prefix_before_the_place_when_given() -> None:
    assert described({}, prefix="--set ") == "--set values: Field required"
