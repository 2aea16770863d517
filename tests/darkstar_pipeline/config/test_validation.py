import pytest
from pydantic import BaseModel, ValidationError, field_validator

from darkstar_pipeline.config.validation import MAX_ERRORS, describe_validation


class Numbers(BaseModel):
    values: list[int]


def described(values: object, prefix: str = "") -> str:
    try:
        Numbers.model_validate(values)
    except ValidationError as error:
        return describe_validation(error, whole="the numbers", prefix=prefix)
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
    assert described({}, prefix="--set ") == "--set values: is missing"


def test_our_own_message_stands_alone_when_a_validator_of_ours_refuses() -> None:
    class Range(BaseModel):
        low: float

        @field_validator("low")
        @classmethod
        def _positive(cls, value: float) -> float:
            if value < 0:
                message = "must not be below zero"
                raise ValueError(message)
            return value

    with pytest.raises(ValidationError) as refused:
        Range.model_validate({"low": -1})
    assert describe_validation(refused.value, whole="the range") == "low: must not be below zero"
