import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from curate.overlays.training import lettering, plates, synthesis, things
from curate.overlays.training.average import averaged
from curate.overlays.training.decoys import texture
from curate.overlays.training.labels import differs, filled, labelled
from curate.overlays.training.layouts import LAYOUTS, drifting
from curate.overlays.training.lettering import Style, letters
from curate.overlays.training.paint import pair
from curate.overlays.training.plates import _PLATES, _bare, slanted
from curate.overlays.training.shapes import SHAPES
from curate.overlays.training.sprites import Picture, Random, Sprite, burn
from curate.overlays.training.synthesis import _at_rate, coded
from curate.overlays.training.web_looks import WEB, _hollow
from filters.overlay_maps import CHANNELS, overlay_maps
from filters.overlay_network import SCALE
from filters.text_overlay import WORDS

_Kind = Callable[[tuple[int, int], Random], Picture]


def test_sprite_is_mixed_by_its_opacity_within_its_span() -> None:
    frames = np.full((3, 8, 8, 3), 100, np.uint8)
    square = np.full((2, 2, 4), 200, np.uint8)
    square[..., 3] = 255
    drawn, masks = burn(frames, [Sprite(square, 6, 3, 1, 2, True, alpha=0.5)])
    assert (drawn[[0, 2]] == 100).all()
    assert (drawn[1, 3:5, 6:8] == 150).all()
    assert masks[1].sum() == 2 * 4
    assert (frames == 100).all()


def test_moving_sprite_that_leaves_the_frame_is_cut_off() -> None:
    frames = np.zeros((3, 4, 8, 3), np.uint8)
    bar = np.full((4, 4, 4), 255, np.uint8)
    drawn, _ = burn(frames, [Sprite(bar, 0, 0, 0, 3, False, speed=-2.0)])
    assert [int((frame[0, :, 0] == 255).sum()) for frame in drawn] == [4, 2, 0]


def test_scrolling_sprite_leaves_by_the_upper_edge() -> None:
    frames = np.zeros((3, 8, 4, 3), np.uint8)
    bar = np.full((4, 4, 4), 255, np.uint8)
    drawn, _ = burn(frames, [Sprite(bar, 0, 2, 0, 3, True, rise=-3.0)])
    assert [np.flatnonzero(f[:, 0, 0]).tolist() for f in drawn] == [[2, 3, 4, 5], [0, 1, 2], []]


def test_sprite_that_fades_appears_and_disappears_by_steps() -> None:
    frames = np.zeros((5, 1, 1, 3), np.uint8)
    dot = np.full((1, 1, 4), 255, np.uint8)
    drawn, _ = burn(frames, [Sprite(dot, 0, 0, 0, 5, False, fade=2)])
    assert drawn[:, 0, 0, 0].tolist() == [85, 170, 255, 170, 85]


def test_span_sees_the_part_of_a_look_from_its_first_frame_on() -> None:
    dot = np.zeros((1, 1, 4), np.uint8)
    # From 1 s to 2 s of 30 frames a second; the span begins at 1.5 s, at 6 frames a second.
    sprite = Sprite(dot, 0, 0, 30, 60, True, speed=-1.0, rise=0.5)
    late = _at_rate(sprite, slower=5, begun=9)
    assert (late.start, late.end, late.speed, late.rise) == (-3, 3, -5.0, 2.5)


def test_cells_covered_and_seen_for_a_third_of_the_time_are_labelled() -> None:
    masks = np.zeros((10, 3, 360, 640), np.uint8)
    masks[:3, 0, 80:160, 200:400] = 1
    masks[:1, 1, 80:160, 200:400] = 1
    labels = labelled(masks, masks)
    assert labels.shape == (2, 45, 80)
    assert (labels[0, 10:20, 25:50] == 1).all()
    assert (labels[1, 10:20, 25:50] == 255).all()
    assert labels[0].sum() == 10 * 25


def test_what_is_covered_and_not_to_be_seen_is_undecided() -> None:
    masks = np.zeros((4, 3, 360, 640), np.uint8)
    masks[:, :2, 80:160, 200:400] = 1
    labels = labelled(masks, np.zeros_like(masks))
    assert (labels[:, 10:20, 25:50] == 255).all()
    assert (labels[:, 30:] == 0).all()


def test_shapes_with_letters_are_an_overlay_and_undecided_as_text() -> None:
    mark = np.full((80, 200, 4), 255, np.uint8)
    frames = np.zeros((4, 360, 640, 3), np.uint8)
    _, masks = burn(frames, [Sprite(mark, 200, 80, 0, 4, None)])
    labels = labelled(masks, masks)
    assert (labels[0, 10:20, 25:50] == 1).all()
    assert (labels[1, 10:20, 25:50] == 255).all()
    assert (labels[:, 30:] == 0).all()


def test_labels_of_text_alone_are_filled() -> None:
    masks = np.zeros((4, 3, 360, 640), np.uint8)
    masks[:, :2, 80:144, 240:248] = 1  # a thin large figure
    overlay, text = labelled(masks, masks)
    assert (text[10:18, 28:34] == 1).all()
    assert not overlay[10:18, [28, 29, 32, 33]].any()


def test_labels_of_figures_and_low_lines_fill_the_cells_that_a_score_is_taken_over() -> None:
    label = np.zeros((45, 80), np.uint8)
    label[10:18, 30] = 1  # a thin large figure
    label[30, 5:70] = 1  # a line of small letters, longer than a word
    label[44, 78:] = 1  # a number in the corner
    wanted = np.zeros_like(label)
    wanted[10:18, 28:34] = 1
    wanted[29:32, 5:70] = 1
    wanted[42:, 74:] = 1
    np.testing.assert_array_equal(filled(label), wanted)


def test_only_words_and_figures_are_filled() -> None:
    label = np.zeros((45, 80), np.uint8)
    label[np.arange(4, 30), np.arange(14, 40)] = 1  # a line at an angle
    label[40, 60] = 1  # a speck
    np.testing.assert_array_equal(filled(label), label)
    label[20, 60:63] = 1  # a word, and beside it what is undecided
    label[20, 63:70] = 255
    made = filled(label)
    assert (made[19:22, 59:65] == 1).all()
    assert (made[20, 65:70] == 255).all()


def test_coded_frames_are_those_that_were_given() -> None:
    rng = np.random.default_rng(0)
    frames = np.full((4, 360, 640, 3), 60, np.uint8)
    frames[2:, :, 320:] = 200
    frames[:, :100] = (230, 30, 60)
    gray, chroma = coded(frames, 6, rng)
    assert gray.shape == (4, 180, 320)
    assert np.abs(gray[1, 60:140, 200:300].astype(int) - 60).max() < 8
    assert np.abs(gray[3, 60:140, 200:300].astype(int) - 200).max() < 8
    assert chroma.shape == (4, 2, 180, 320)
    assert chroma[:, 1, :40].min() > 190  # red
    assert np.abs(chroma[:, :, 60:140, 200:300].astype(int) - 128).max() < 8


def test_what_differs_in_colour_alone_is_seen() -> None:
    green, red = (np.full((8, 8, 3), colour, np.uint8) for colour in ((60, 128, 60), (175, 70, 60)))
    assert abs(int(cv2.cvtColor(green, 7)[0, 0]) - int(cv2.cvtColor(red, 7)[0, 0])) < 8
    assert differs(green, red).all()
    assert not differs(green, green + np.uint8(6)).any()


def test_every_texture_fills_its_picture_with_edges() -> None:
    for seed in range(12):
        made = texture((200, 120), np.random.default_rng(seed))
        assert made.shape == (120, 200, 3)
        assert made.std() > 1


@pytest.fixture
def one_font(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lettering, "families", lambda _: (("hershey 0",),))


@pytest.mark.usefixtures("one_font")
@pytest.mark.parametrize("size", [(120, 60), (60, 100)])
@pytest.mark.parametrize("kind", _PLATES)
def test_every_plate_fills_its_size_in_two_colours_or_more(
    kind: _Kind, size: tuple[int, int]
) -> None:
    for seed in range(6):
        made = kind(size, np.random.default_rng(seed))
        assert made.shape == (size[1], size[0], 4)
        assert (made[..., 3] == 255).mean() > 0.7
        colours = made[made[..., 3] == 255][:, :3].astype(int)
        assert np.abs(colours - np.median(colours, axis=0)).sum(axis=1).max() > 100


@pytest.mark.parametrize("size", [(120, 60), (60, 100), (24, 16)])
@pytest.mark.parametrize("kind", dict.fromkeys(SHAPES), ids=lambda kind: kind.__name__)
def test_every_shape_is_seen_within_its_size(kind: _Kind, size: tuple[int, int]) -> None:
    for seed in range(8):
        made = kind(size, np.random.default_rng(seed))
        assert made.dtype == np.uint8
        assert all(1 < n <= most for n, most in zip(made.shape[:2], size[::-1], strict=True))
        assert (made[..., 3] == 255).sum() > 20


def test_ground_and_ink_of_a_plate_can_be_told_apart() -> None:
    rng = np.random.default_rng(0)
    pairs = [pair(rng) for _ in range(200)]
    assert min(sum(abs(a - b) for a, b in zip(*pair, strict=True)) for pair in pairs) > 140


@pytest.mark.usefixtures("one_font")
def test_bare_print_leaves_the_thing_to_be_seen() -> None:
    for seed in range(12):
        made = _bare((120, 60), np.random.default_rng(seed))
        assert made.shape == (60, 120, 4)
        assert 0 < (made[..., 3] > 128).mean() < 0.8


def test_print_is_softened_without_a_rim() -> None:
    half = np.zeros((60, 120, 4), np.uint8)
    half[:, :60] = (200, 90, 30, 255)  # nothing is behind the rest
    for seed in range(6):
        soft = slanted(half, np.random.default_rng(seed))
        shown = soft[soft[..., 3] > 30][:, :3].astype(int)
        assert np.abs(shown - (200, 90, 30)).max() <= 3
        row = soft[len(soft) // 2, :, 3].astype(int)
        assert ((row > 20) & (row < 235)).sum() >= 4  # both sides; a warp alone leaves one px each


def test_print_lies_on_the_picture_in_its_light(monkeypatch: pytest.MonkeyPatch) -> None:
    def half(size: tuple[int, int], rng: Random) -> Picture:
        made = np.zeros((size[1], size[0], 4), np.uint8)
        made[:, : size[0] // 2] = (250, 250, 250, 255)
        return made

    used: list[str] = []

    def named(name: str) -> _Kind:
        return lambda size, rng: used.append(name) or half(size, rng)  # type: ignore[func-returns-value]

    monkeypatch.setattr(plates, "_PLATES", (named("plate"),))
    monkeypatch.setattr(plates, "SHAPES", (named("shape"),))
    monkeypatch.setattr(plates, "_bare", named("bare"))
    seen = {}
    for level in (40, 200):
        picture = np.full((405, 720, 3), level, np.uint8)
        made = [plates.printed(picture, np.random.default_rng(seed)) for seed in range(8)]
        changed = [(m != picture).any(axis=2).mean() for m in made]
        assert all(0.0005 < share < 0.4 for share in changed)
        assert level != 40 or min(m.min() for m in made) > 35  # what is clear hides nothing
        seen[level] = np.mean([m.max() for m in made])
    assert seen[40] < seen[200] - 10
    assert set(used) == {"plate", "shape", "bare"}


def test_things_are_round_or_have_corners_and_are_clear_around(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(things, "sign", lambda rng, most: np.full((9, 20, 4), 255, np.uint8))
    take = np.full((8, 405, 720, 3), 90, np.uint8)
    straight = 0
    for seed in range(20):
        made = things.thing([take], np.random.default_rng(seed))
        assert made.dtype == np.uint8
        assert made.shape[0] == 8
        alpha = made[0, ..., 3]
        edges = [alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]]
        assert max(int(edge.max()) for edge in edges) < 60
        straight += bool((alpha > 250).any() and alpha[alpha > 250].size > 0.75 * alpha.size)
    assert 2 <= straight <= 12  # upright boxes; ellipses cover less of theirs


def test_things_pass_along_a_way_and_leave_the_rest() -> None:
    shown = np.zeros((2, 40, 60, 4), np.uint8)
    shown[:, 8:32, 8:52] = 255
    moved = 0
    for seed in range(8):
        frames = [np.full((360, 640, 3), 90, np.uint8) for _ in range(6)]
        things.passes(frames, shown, np.random.default_rng(seed))
        covered = [np.flatnonzero((f == 255).any(axis=2)) for f in frames]
        moved += len({tuple(c[:1]) for c in covered}) > 1
        assert all(((f == 90) | (f == 255)).all() for f in frames)
    assert moved >= 6


@pytest.mark.parametrize("scenes", ["plain", "wide", "printed"])
def test_scenes_choose_their_looks_and_decoys(
    scenes: synthesis.Scenes, monkeypatch: pytest.MonkeyPatch
) -> None:
    still = np.full((405, 720, 3), 120, np.uint8)
    take = np.stack([still] * 32)
    drawn: list[str] = []

    def look(name: str) -> Callable[..., list[Sprite]]:
        return lambda frames, size, rng: drawn.append(name) or []  # type: ignore[func-returns-value]

    def printed(picture: Picture, rng: Random) -> Picture:
        drawn.append("printed")
        return picture

    monkeypatch.setattr(synthesis, "_LOOKS", {"title": look("title"), "slogan": look("slogan")})
    monkeypatch.setattr(synthesis, "lettered", lambda picture, rng: picture)
    monkeypatch.setattr(synthesis, "thing", lambda takes, rng: takes[0])
    monkeypatch.setattr(synthesis, "passes", lambda frames, thing, rng: None)
    monkeypatch.setattr(synthesis, "printed", printed)
    rng = np.random.default_rng(0)
    for _ in range(20):
        made = synthesis.sample([take], [still], rng, scenes)
        assert made.maps.shape == (CHANNELS, 180, 320)
    wanted = {"plain": {"title"}, "wide": {"title", "slogan"}}
    assert set(drawn) == wanted.get(scenes, {"title", "slogan", "printed"})


@pytest.mark.usefixtures("one_font")
@pytest.mark.parametrize("name", [*LAYOUTS, *WEB])
def test_every_layout_covers_some_of_the_picture_for_some_of_the_time(name: str) -> None:
    frames = np.zeros((30, 180, 320, 3), np.uint8)
    for seed in range(6):
        look = {**LAYOUTS, **WEB}[name]
        sprites = look(30, (320, 180), np.random.default_rng(seed))
        _, masks = burn(frames, sprites)
        assert masks[:, 1].any()
        assert masks[:, 1].mean() < 0.9


@pytest.mark.usefixtures("one_font")
def test_typed_letters_stay_and_become_more() -> None:
    frames = np.zeros((30, 180, 320, 3), np.uint8)
    for seed in range(6):
        sprites = WEB["typed"](30, (320, 180), np.random.default_rng(seed))
        covered = burn(frames, sprites)[1][:, 1].mean(axis=(1, 2))
        assert (np.diff(covered) >= 0).all()
        assert covered[-1] > 1.3 * covered[covered > 0][0]


def test_hollow_letters_are_their_edges() -> None:
    look = Style("hershey 0", 60, (255, 255, 255), pad=0)
    whole = letters(["OH"], replace(look, outline=2))[..., 3] > 128
    hollow = _hollow(["OH"], look, np.random.default_rng(0))[..., 3] > 128
    assert 0.1 < hollow.sum() / whole.sum() < 0.8


def test_drifting_moves_all_sprites_of_a_look_alike() -> None:
    dot = np.zeros((1, 1, 4), np.uint8)
    still, running = Sprite(dot, 0, 0, 0, 9, False), Sprite(dot, 0, 0, 0, 9, True, speed=-2.0)
    a, b = drifting([still, running], np.random.default_rng(0))
    assert 0.1 <= np.hypot(a.speed, a.rise) <= 1.5
    assert (b.speed, b.rise) == pytest.approx((a.speed - 2.0, a.rise))


def test_missing_fonts_are_named_by_their_packages(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "lobster.otf").touch()
    monkeypatch.setattr(lettering, "_FOLDERS", (tmp_path,))
    with pytest.raises(RuntimeError, match="fonts-inter") as raised:
        lettering.families.__wrapped__("unseen")
    assert "fonts-lobster" not in str(raised.value)
    assert "fonts-lato" not in str(raised.value)  # of the other part


def test_kept_samples_are_used_again_and_others_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from curate.overlays.training import __main__ as training
    from curate.overlays.training.synthesis import Sample

    drawn: list[int] = []
    pages: list[str] = []

    def drawing(takes: object, stills: object, rng: np.random.Generator, scenes: str) -> Sample:
        drawn.append(int(rng.integers(1 << 30)))
        pages.append(scenes)
        return Sample(np.full((1, 2, 2), drawn[-1] % 256, np.uint8), np.zeros((2, 1, 1), np.uint8))

    monkeypatch.setattr(training, "sample", drawing)
    monkeypatch.setattr(training, "_SEEDED", 2)
    monkeypatch.setattr(training, "_PAGES", ("wide", "printed"))
    kept = tmp_path / "samples"
    first = training.made_samples([], [], 3, 7, kept)
    wanted = [np.random.default_rng(seed).integers(1 << 30, size=2) for seed in (8, 9)]
    assert drawn == [*wanted[0], wanted[1][0]]
    assert pages == ["wide", "wide", "printed"]
    again = training.made_samples([], [], 3, 7, kept)
    assert len(drawn) == 3
    assert [s.maps.tolist() for s in again] == [s.maps.tolist() for s in first]
    with pytest.raises(ValueError, match="another seed"):
        training.made_samples([], [], 3, 6, kept)
    with monkeypatch.context() as later:
        later.setattr(training, "_DRAWING", training._DRAWING + 1)
        with pytest.raises(ValueError, match="version"):
            training.made_samples([], [], 3, 7, kept)
    monkeypatch.setattr(training, "_PAGES", ("wide", "plain"))
    with pytest.raises(ValueError, match="other scenes"):
        training.made_samples([], [], 3, 7, kept)


def test_hardest_samples_are_those_with_the_most_false_answers() -> None:
    torch = pytest.importorskip("torch")
    from curate.overlays.training.synthesis import Sample
    from curate.overlays.training.train import HARD_SHARE, Model, hardest

    torch.manual_seed(0)
    maps = np.zeros((CHANNELS, 180, 320), np.uint8)
    undecided = Sample(maps, np.full((2, 45, 80), 255, np.uint8))
    clean = Sample(maps, np.zeros((2, 45, 80), np.uint8))
    samples = [undecided] * (2 * HARD_SHARE)
    samples[3] = samples[11] = clean
    assert sorted(hardest(Model(), samples).tolist()) == [3, 11]


def test_weights_without_normalisation_answer_as_the_model_with_it() -> None:
    torch = pytest.importorskip("torch")
    from curate.overlays.training.train import Model, scaled

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x = scaled(rng.integers(0, 256, (4, CHANNELS, 52, 68)).astype(np.uint8))
    model = Model(normed=True)
    for _ in range(40):
        model(x)  # the norms learn what is usual
    model.eval()
    plain = Model().eval()
    plain.load_state_dict(model.weights())
    with torch.no_grad():
        wanted = model(x).numpy()
        found = plain(x).numpy()
    assert wanted.std() > 0.05
    np.testing.assert_allclose(found, wanted, atol=1e-4)


def test_a_fit_begins_with_the_answers_of_earlier_weights_of_fewer_maps() -> None:
    torch = pytest.importorskip("torch")
    from curate.overlays.training.begin import begun
    from curate.overlays.training.synthesis import Sample
    from curate.overlays.training.train import Batches, Model, Recipe, scaled

    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 256, (4, CHANNELS, 180, 320)).astype(np.uint8)
    samples = [Sample(m, np.zeros((2, 45, 80), np.uint8)) for m in maps]
    plain = Model().eval()
    with torch.no_grad():
        plain.a.weight[:, 9:] = 0
    weights = {name: value.numpy() for name, value in plain.weights().items()}
    fewer = weights | {"a.weight": weights["a.weight"][:, :9]}
    model = begun(fewer, Batches(samples, Recipe(batch=2), rng), rng)
    assert model.training
    x = scaled(maps)
    with torch.no_grad():
        np.testing.assert_allclose(model.eval()(x).numpy(), plain(x).numpy(), atol=1e-4)
        assert float((model.train()(x) - plain(x)).abs().mean()) < 0.2  # usual values are known
    more = np.zeros((16, CHANNELS + 1, 3, 3), np.float32)
    for other in ({"o.bias": fewer["o.bias"]}, fewer | {"a.weight": more}):
        with pytest.raises(ValueError, match="another network"):
            begun(other, Batches(samples, Recipe(batch=2), rng), rng)
    del fewer["o.bias"]
    with pytest.raises(ValueError, match="another network"):
        begun(fewer, Batches(samples, Recipe(batch=2), rng), rng)


def test_weights_are_averaged_only_of_one_network() -> None:
    one, other = ({"a.weight": np.full((2, 3), value, np.float16)} for value in (1, 4))
    assert averaged([one, other])["a.weight"].tolist() == [[2.5] * 3] * 2
    with pytest.raises(ValueError, match="one network"):
        averaged([one, {"a.weight": np.zeros((2, 4), np.float16)}])
    with pytest.raises(ValueError, match="one network"):
        averaged([])


@pytest.mark.parametrize("more", [["--fits", "2"], ["--average"]])
def test_averaging_needs_weights_to_begin_with(
    more: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from curate.overlays.training import __main__ as training

    with pytest.raises(SystemExit):
        training.main(["--clips", ".", "--stills", ".", "--out", ".", *more])
    assert "--start is missing" in capsys.readouterr().err


def test_maps_in_another_tone_are_those_of_the_clip_in_that_tone() -> None:
    pytest.importorskip("torch")
    from curate.overlays.training.train import Tones, scaled

    rng = np.random.default_rng(0)
    noise = rng.integers(60, 200, (5, 40, 60)).astype(np.uint8)
    gray = np.asarray(cv2.blur(noise, (5, 5)), np.uint8)
    toned = (200 - gray // 2).astype(np.uint8)
    turn = np.array([[[0, -0.5], [0.5, 0]]], np.float32)  # a quarter, and half as strong
    tones = Tones(np.array([-0.5], np.float32), np.array([200 / 255], np.float32), turn)
    colours = np.asarray(np.stack([gray[:2], np.full_like(gray[:2], 128)], axis=1), np.uint8)
    turned = np.stack([np.full_like(gray[:2], 128), 64 + gray[:2] // 2], axis=1)
    found = scaled(overlay_maps(gray, colours)[None], tones).numpy()
    wanted = scaled(overlay_maps(toned, turned)[None]).numpy()
    levels = np.abs(found - wanted)[0] * 255 / np.array(SCALE)[:, None, None]
    assert levels.max() <= 4  # gradients add up the rounding of eight pixels
    assert levels.mean() < 1


def test_words_cost_by_the_surest_window_of_each_part() -> None:
    torch = pytest.importorskip("torch")
    from curate.overlays.training.train import _words_loss

    logits = torch.full((2, 12, 24), -30.0)
    wanted = torch.zeros((2, 2, 12, 24), dtype=torch.long)
    assert float(_words_loss(logits, wanted)) == pytest.approx(0, abs=1e-3)
    rows, columns = WORDS
    wanted[0, 1, :rows, :columns] = 1
    missed = float(_words_loss(logits, wanted))
    logits[0, :rows, :columns] = 0.0
    half = float(_words_loss(logits, wanted))
    assert half == pytest.approx(np.log(2) / 2, abs=0.05)
    assert half < missed
    logits[1, 4 : 4 + rows, :columns] = 30.0
    assert float(_words_loss(logits, wanted)) > half + 3


def test_a_run_averages_its_fits_with_their_start_and_adds_itself_to_the_record(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    from curate.overlays.training import __main__ as training
    from curate.overlays.training.synthesis import Sample
    from curate.overlays.training.train import Recipe

    def fit(
        samples: list[Sample], recipe: Recipe, start: object
    ) -> tuple[dict[str, npt.NDArray[np.float16]], float]:
        assert start is not None
        return {"a.weight": np.full((1, CHANNELS, 3, 3), recipe.seed, np.float16)}, 0.5

    monkeypatch.setattr(training, "_names", lambda table: [])
    monkeypatch.setattr(training, "made_samples", lambda *_: [])
    monkeypatch.setattr(training, "families", lambda part: ())
    monkeypatch.setattr(training, "fit", fit)
    start = tmp_path / "start.npz"
    known = {"a.weight": np.full((1, 9, 3, 3), 9, np.float16)}
    np.savez(start, **known)  # type: ignore[arg-type]
    given = ["--clips", ".", "--stills", ".", "--average"]
    out = tmp_path / "one"
    more = ["--fits", "2", "--fit-seed", "1", "--out", str(out)]
    training.main([*given, "--start", str(start), *more])
    made = np.load(out / "weights.npz")["a.weight"][0, :, 0, 0]
    assert made.tolist() == [4.0] * 9 + [1.0] * (CHANNELS - 9)  # maps start does not know count 0
    more = ["--fit-seed", "6", "--out", str(tmp_path / "two")]
    training.main([*given, "--start", str(out / "weights.npz"), *more])
    runs = json.loads((tmp_path / "two" / "training.json").read_text())["runs"]
    assert [[fit["seed"] for fit in run["fits"]] for run in runs] == [[1, 2], [6]]
    assert runs[1]["start_sha256"] == runs[0]["weights_sha256"]


def test_the_shipped_weights_bring_their_record() -> None:
    pytest.importorskip("torch")
    from curate.overlays.training import __main__ as training

    beside = Path(training.__file__).parent
    _, runs = training._started(Path(str(files("filters").joinpath("overlay_weights.npz"))))
    assert runs == json.loads((beside / "training.json").read_text())["runs"]
    weights, runs = training._started(beside / "start.npz")  # no run is known that led to these
    assert runs == []
    assert weights["a.weight"].shape[1] == CHANNELS


def test_shipped_weights_are_those_of_the_recorded_training() -> None:
    def digest(package: str, name: str) -> str:
        return hashlib.sha256(files(package).joinpath(name).read_bytes()).hexdigest()

    training = "curate.overlays.training"
    record = json.loads(files(training).joinpath("training.json").read_text())
    made = [run["weights_sha256"] for run in record["runs"]]
    began = [run["start_sha256"] for run in record["runs"]]
    assert began == [digest(training, "start.npz"), *made[:-1]]
    assert made[-1] == digest("filters", "overlay_weights.npz")
