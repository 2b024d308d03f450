"""The distances of `benchmarks.supplied`, on pictures of one colour."""

from PIL import Image

from benchmarks.supplied import distances


def test_distances_are_from_the_supplied_picture_and_between_the_pictures_of_an_order() -> None:
    grey = Image.new("RGB", (300, 300), (100, 100, 100))
    made = [Image.new("RGB", (128, 128), (100 + each,) * 3) for each in (10, 20)]
    assert distances({"a": grey}, {"a": made}) == "15.0 away, 10.0 among the four"
