import cv2
import numpy as np
import numpy.typing as npt
import pytest

from filters.base import Unmeasurable
from filters.clip import clip_from_gray
from filters.flat_bars import flat_box
from filters.letterbox import border_bands, border_share, borders, content_box
from filters.registry import FILTERS
from tests.filters.scenes import HEIGHT, WIDTH, flat, noisy, panning, texture, view

Box = tuple[int, int, int, int]
FULL = (0, 0, WIDTH, HEIGHT)


def _framed(box: Box, colour: int = 16, frames: int = 12) -> npt.NDArray[np.uint8]:
    """(T, H, W) with a panning picture in the box and one colour around it."""
    x, y, width, height = box
    gray = np.full((frames, HEIGHT, WIDTH), colour, np.uint8)
    for i in range(frames):
        gray[i, y : y + height, x : x + width] = view(dx=-4 * i, size=(width, height))
    return gray


@pytest.mark.parametrize("colour", [0, 16, 128, 235])
@pytest.mark.parametrize(
    "box",
    [
        pytest.param((0, 24, 320, 132), id="letterbox"),
        pytest.param((40, 0, 240, 180), id="pillarbox"),
        pytest.param((40, 24, 240, 132), id="both"),
        pytest.param((0, 30, 320, 150), id="top-only"),
        pytest.param((0, 2, 320, 176), id="thin"),
        pytest.param((110, 0, 100, 180), id="portrait-in-landscape"),
        pytest.param(FULL, id="none"),
    ],
)
def test_box_is_found(box: Box, colour: int) -> None:
    # A row of the picture that happens to be close to the border's colour may go with it.
    assert np.abs(np.subtract(content_box(_framed(box, colour)), box)).max() <= 1


def test_bars_with_compression_noise_are_found() -> None:
    rng = np.random.default_rng(0)
    gray = np.stack([noisy(frame, 1.0, rng) for frame in _framed((0, 24, 320, 132))])
    assert np.abs(np.subtract(content_box(gray), (0, 24, 320, 132))).max() <= 1


def test_row_blended_by_the_scaler_belongs_to_the_border() -> None:
    # Bars that end between two rows of the analysed picture: 70 of 360 rows become 35 of 180, 71
    # leave a row that is half border.
    large = np.full((12, 360, 640), 16, np.uint8)
    for i in range(12):
        large[i, 71:289] = view(dx=-6 * i, size=(640, 218))
    clip = clip_from_gray(large, 6.0)
    _, y, _, height = content_box(clip.gray)
    assert 36 <= y <= 37
    assert 143 <= y + height <= 145


def test_share_is_the_area_outside() -> None:
    framed = clip_from_gray(_framed((0, 24, 320, 132)), 6.0)
    assert border_share(framed) == pytest.approx(48 / 180, abs=0.015)


@pytest.mark.parametrize(
    ("box", "kept"),
    [
        pytest.param((0, 23, 320, 134), True, id="film-in-16-9"),
        pytest.param((40, 0, 240, 180), True, id="4-3-in-16-9"),
        pytest.param((110, 0, 100, 180), False, id="9-16-in-16-9"),
    ],
)
def test_only_extreme_borders_are_dropped(box: Box, kept: bool) -> None:
    assert FILTERS["border_share"].keeps(border_share(clip_from_gray(_framed(box), 6.0))) is kept


def test_dark_scene_is_not_a_border() -> None:
    # A night sky above a skyline: flat and steady rows, but no edge along most of their end.
    gray = np.full((12, HEIGHT, WIDTH), 5, np.uint8)
    ground = texture(120, WIDTH)
    gray[:, 120:] = ground[60:]
    gray[:, 60:120, 200:230] = ground[:60, 200:230]
    assert content_box(gray) == FULL


def test_burnt_out_sky_is_not_a_border() -> None:
    gray = np.full((12, HEIGHT, WIDTH), 255, np.uint8)
    for i in range(12):
        frame = view(dx=-2 * i)
        for x in range(WIDTH):
            top = round(50 + 40 * abs(np.sin((x + 2 * i) / 40)))
            gray[i, top:, x] = frame[top:, x]
    assert content_box(gray) == FULL


def test_plain_row_that_flickers_is_not_a_border() -> None:
    gray = _framed((0, 24, 320, 132))
    gray[:, :24] = np.linspace(20, 60, 12).astype(np.uint8)[:, None, None]
    assert content_box(gray)[1] == 0


def test_picture_that_goes_black_keeps_its_box() -> None:
    gray = _framed((0, 24, 320, 132), frames=30)
    gray[:8] = 16
    assert np.abs(np.subtract(content_box(gray), (0, 24, 320, 132))).max() <= 1


def test_one_frame_is_enough() -> None:
    assert (
        np.abs(np.subtract(content_box(_framed((0, 24, 320, 132))[:1]), (0, 24, 320, 132))).max()
        <= 1
    )


def test_ordinary_clip_has_no_border() -> None:
    assert border_share(panning()) == 0.0


@pytest.mark.parametrize("grey", [0, 16, 200])
def test_picture_of_one_colour_has_no_box(grey: int) -> None:
    with pytest.raises(Unmeasurable, match="black"):
        border_share(flat(grey))


def _coloured(box: Box, back: npt.NDArray[np.uint8], frames: int = 24) -> npt.NDArray[np.uint8]:
    x, y, width, height = box
    gray = np.repeat(back[None], frames, axis=0)
    for i in range(frames):
        gray[i, y : y + height, x : x + width] = view(dx=-4 * i, size=(width, height))
    return gray


@pytest.mark.parametrize(
    "box", [(60, 0, 200, 180), (0, 30, 320, 120), (40, 24, 240, 132)], ids=["sides", "rows", "all"]
)
def test_patterned_border_is_found(box: Box) -> None:
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    stripes = (120 + 80 * np.sin((xx + yy) / 9)).astype(np.uint8)
    found = borders(_coloured(box, stripes))
    assert found.kind == "pattern"
    assert np.abs(np.subtract(found.box, box)).max() <= 1


def test_blurred_copy_at_the_sides_is_found() -> None:
    gray = np.empty((24, HEIGHT, WIDTH), np.uint8)
    for i in range(24):
        picture = view(dx=-2 * i, size=(102, HEIGHT))
        large = cv2.resize(picture, (WIDTH, round(HEIGHT * WIDTH / 102)))
        start = (large.shape[0] - HEIGHT) // 2
        gray[i] = cv2.GaussianBlur(large[start : start + HEIGHT], (0, 0), 8) * 0.8
        gray[i, :, 109:211] = picture
    found = borders(gray)
    assert found.kind == "blurred"
    assert np.abs(np.subtract(found.box, (109, 0, 102, HEIGHT))).max() <= 2


def test_soft_edge_ends_in_its_middle() -> None:
    # From row 20 to row 28 the picture comes out of the bar; the middle is row 24.
    weight = np.clip((np.arange(HEIGHT) - 19.5) / 8, 0, 1)[:, None]
    gray = np.stack([16 + (view(dx=-4 * i) - 16.0) * weight for i in range(24)]).astype(np.uint8)
    assert borders(gray).box[1] == pytest.approx(24, abs=1)


def test_soft_edge_of_a_picture_that_grows_darker_inwards() -> None:
    # Only next to the edge is the picture what the edge rises to.
    rows = np.arange(HEIGHT)[:, None]
    weight = np.clip((rows - 19.5) / 8, 0, 1)
    lit = np.clip(1 - (rows - 26) / 14, 0.25, 1)
    pictures = [120 + 0.5 * view(dx=-4 * i) for i in range(24)]
    gray = np.stack([16 + (lit * picture - 16) * weight for picture in pictures])
    assert borders(gray.astype(np.uint8)).box[1] == pytest.approx(24, abs=1)


def test_patterned_border_with_a_side_as_bright_as_the_picture_is_closed() -> None:
    # Below, the picture's lowest rows and the pattern are alike: there is no seam.
    back = np.repeat(np.linspace(20, 140, HEIGHT).astype(np.uint8)[:, None], WIDTH, axis=1)
    gray = _coloured((60, 0, 200, 140), back)
    for i in range(len(gray)):
        gray[i, 130:140, 60:260] = 110 + 20 * np.sin((np.arange(200) + 4 * i) / 30)
    found = borders(gray)
    assert found.kind == "pattern"
    assert np.abs(np.subtract(found.box, (60, 0, 200, 140))).max() <= 2


def test_patterned_border_is_mirrored_where_the_picture_is_at_rest() -> None:
    # Below, most of the picture shows what the pattern shows; above, there is a seam.
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    back = (120 + 80 * np.sin((xx + yy) / 9)).astype(np.uint8)
    gray = _coloured((0, 30, 320, 120), back)
    gray[:, 100:150, 100:] = back[100:150, 100:]
    found = borders(gray)
    assert found.kind == "pattern"
    assert np.abs(np.subtract(found.box, (0, 30, 320, 120))).max() <= 2


def test_bars_of_a_part_of_the_clip_count_for_all_of_it() -> None:
    gray = _framed(FULL, frames=36)
    gray[18:] = _framed((0, 24, 320, 132), frames=18)
    found = borders(gray)
    assert found.kind == "changing"
    assert np.abs(np.subtract(found.box, (0, 24, 320, 132))).max() <= 1


def test_evidence_is_the_bands() -> None:
    bands = border_bands(clip_from_gray(_framed((0, 24, 320, 132)), 6.0))
    assert [band.note for band in bands] == ["flat", "flat"]
    assert sum(band.value or 0 for band in bands) == pytest.approx(48 / 180, abs=0.015)


def test_resting_camera_before_a_door_has_no_border() -> None:
    gray = np.repeat(view()[None], 24, axis=0)
    gray[:, :, :60] = texture(HEIGHT, 60, seed=7) // 3
    for i in range(24):
        gray[i, 60:120, 150 + i : 210 + i] = texture(60, 60, seed=8)
    assert borders(gray).kind is None


def test_plain_road_within_bars_is_picture() -> None:
    # Flat too, but on one side only, and of another colour than the bars.
    gray = _framed((60, 0, 200, 180))
    gray[:, 140:, 60:260] = 90
    assert np.abs(np.subtract(flat_box(gray), (60, 0, 200, 180))).max() <= 1


def _faint(gray: npt.NDArray[np.uint8], rows: slice, colour: int) -> None:
    """Rows of the picture of which little differs from the bars: a plain wall of their colour."""
    wall = gray[:, rows]
    wall[:] = np.where(view()[rows] > 170, wall, colour)


def test_faint_edge_is_one_where_it_mirrors_a_clear_one() -> None:
    clear = _framed((0, 30, 320, 120), colour=128)
    one_sided = _framed((0, 30, 320, 150), colour=128)
    for gray in (clear, one_sided):
        _faint(gray, slice(30, 45), 128)
    assert np.abs(np.subtract(borders(clear).box, (0, 30, 320, 120))).max() <= 2
    assert borders(one_sided).kind is None


def test_sky_that_brightens_evenly_is_no_soft_edge() -> None:
    gray = np.stack([view(dx=-3 * i) for i in range(24)])
    rows = np.arange(60)[:, None]
    gray[:, :60] = np.where(rows < 10, 150, 150 + 0.7 * (rows - 10)).astype(np.uint8)
    assert flat_box(gray) == FULL


def test_figure_before_a_plain_screen_is_picture() -> None:
    # Its outline lies elsewhere in each row: the screen does not end at one line.
    gray = np.full((24, HEIGHT, WIDTH), 160, np.uint8)
    for y in range(HEIGHT):
        half = round(40 + 25 * np.sin(y / 17))
        gray[:, y, 160 - half : 160 + half] = 10
    assert content_box(gray) == FULL


def test_bars_of_half_a_second_count() -> None:
    gray = _framed(FULL, frames=10)
    gray[:4] = _framed((60, 0, 200, 180), frames=4)
    found = borders(gray)
    assert found.kind == "changing"
    assert np.abs(np.subtract(found.box, (60, 0, 200, 180))).max() <= 1


def test_sky_that_comes_into_view_for_half_a_second_is_no_bar() -> None:
    gray = _framed(FULL, frames=24)
    gray[8:12] = _framed((0, 30, 320, 150), 180, frames=4)
    assert borders(gray).kind is None


def test_pattern_on_one_side_at_rest_is_picture() -> None:
    # A shelf before a resting camera: a straight step, but motion begins far from it.
    gray = np.repeat(view()[None], 24, axis=0)
    gray[:, :, :60] = texture(HEIGHT, 60, seed=7) // 3
    yy, xx = np.mgrid[0:HEIGHT, 0:WIDTH]
    for i in range(24):
        ball = (xx - 170 - 3 * i) ** 2 + (yy - 80) ** 2 < 65**2
        gray[i][ball] = texture(seed=8)[ball]
    assert borders(gray).kind is None


def test_faint_bars_count_where_they_come_at_once() -> None:
    bars = _framed((0, 30, 320, 120), colour=128)
    for rows in (slice(30, 45), slice(135, 150)):
        _faint(bars, rows, 128)
    coming = _framed(FULL, frames=12)
    coming[:4] = bars[:4]
    assert flat_box(bars) == FULL
    assert np.abs(np.subtract(borders(coming).box, (0, 30, 320, 120))).max() <= 2


def test_part_of_plain_rows_does_not_take_the_clip_its_box() -> None:
    # A card of level stripes, each plain, for half a second: there is no picture in it.
    gray = _framed(FULL, frames=30)
    gray[12:16] = np.repeat(np.arange(HEIGHT)[:, None], WIDTH, axis=1)
    assert content_box(gray) == FULL
