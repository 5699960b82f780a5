import pytest
import torch

from curate.latent_action.correspondence import correlation, flow, matches


def moved(grid: torch.Tensor, down: int, right: int) -> torch.Tensor:
    """(g, g, D) -> the same seen `down` rows lower and `right` columns further right."""
    return torch.roll(grid, (down, right), (0, 1))


def plain(
    before: torch.Tensor,
    after: torch.Tensor,
    rows: int,
    columns: int,
    regions: tuple[int, int],
) -> torch.Tensor:
    """The definition, place by place."""
    size = int(before.shape[0] ** 0.5)
    a, b = before.reshape(size, size, -1), after.reshape(size, size, -1)
    found = []
    for band in range(regions[0]):
        for stripe in range(regions[1]):
            for dy in range(-rows, rows + 1):
                for dx in range(-columns, columns + 1):
                    cosines = [
                        torch.nn.functional.cosine_similarity(a[y, x], b[y + dy, x + dx], dim=0)
                        for y in range(size)
                        for x in range(size)
                        if y * regions[0] // size == band
                        and x * regions[1] // size == stripe
                        and 0 <= y + dy < size
                        and 0 <= x + dx < size
                    ]
                    found.append(torch.stack(cosines).mean() if cosines else torch.tensor(0.0))
    return torch.stack(found)


@pytest.mark.parametrize(
    ("rows", "columns", "regions"), [(1, 2, (1, 1)), (2, 1, (2, 3)), (4, 4, (5, 5)), (0, 0, (1, 2))]
)
def test_equals_the_definition(rows: int, columns: int, regions: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(1)
    before, after = torch.randn(2, 25, 3, generator=generator)

    fast = correlation(before, after, rows, columns, regions)

    torch.testing.assert_close(fast, plain(before, after, rows, columns, regions))


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -1), (-1, 3)])
def test_peak_lies_at_the_movement(down: int, right: int) -> None:
    grid = torch.randn(8, 8, 16, generator=torch.Generator().manual_seed(2))
    before, after = grid.flatten(0, 1), moved(grid, down, right).flatten(0, 1)

    volume = correlation(before, after, 2, 3).reshape(5, 7)

    assert divmod(int(volume.argmax()), 7) == (2 + down, 3 + right)
    assert volume.max() == pytest.approx(1)


def test_leading_axes_and_chunks_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    before, after = torch.randn(2, 3, 4, 36, 5, generator=torch.Generator().manual_seed(3))
    whole = correlation(before, after, 1, 1, (2, 2))
    monkeypatch.setattr("curate.latent_action.correspondence._CHUNK", 1)

    assert whole.shape == (3, 4, 36)
    torch.testing.assert_close(correlation(before, after, 1, 1, (2, 2)), whole)


def test_gradients_reach_both_frames() -> None:
    before, after = torch.randn(2, 9, 4, generator=torch.Generator().manual_seed(4))
    before.requires_grad_()
    after.requires_grad_()

    correlation(before, after, 1, 1).sum().backward()  # type: ignore[no-untyped-call]

    assert before.grad is not None
    assert after.grad is not None
    assert before.grad.abs().sum() > 0
    assert after.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("count", "rows", "regions", "reason"),
    [(8, 1, (1, 1), "square"), (9, 3, (1, 1), "0 to 2"), (9, 1, (4, 1), "1 to 3")],
)
def test_what_does_not_fit_is_refused(
    count: int, rows: int, regions: tuple[int, int], reason: str
) -> None:
    tokens = torch.ones(count, 2)

    with pytest.raises(ValueError, match=reason):
        correlation(tokens, tokens, rows, 1, regions)


@pytest.mark.parametrize(("down", "right"), [(0, 0), (2, -1), (-1, 3)])
def test_flow_is_the_movement(down: int, right: int) -> None:
    grid = torch.randn(12, 12, 32, generator=torch.Generator().manual_seed(5))
    before, after = grid.flatten(0, 1), moved(grid, down, right).flatten(0, 1)

    # The middle third, which no shift carries over the border.
    middle = flow(before, after, 3, 3, (3, 3), sharpness=60).reshape(3, 3, 6)[1, 1]

    torch.testing.assert_close(
        middle, torch.tensor([down, right, down, right, 1.0, 0.0]), atol=0.02, rtol=0
    )


def test_flow_sees_that_regions_move_apart() -> None:
    grid = torch.randn(8, 8, 32, generator=torch.Generator().manual_seed(6))
    after = torch.cat([moved(grid, 0, -1)[:, :4], moved(grid, 0, 1)[:, 4:]], 1)

    found = flow(grid.flatten(0, 1), after.flatten(0, 1), 2, 2, (1, 8)).reshape(8, 6)

    # What lies at the seam is to be seen on both sides of it.
    assert (found[1:3, 1] < -0.7).all()
    assert (found[5:7, 1] > 0.7).all()


def test_flow_is_differentiable_and_keeps_leading_axes() -> None:
    before, after = torch.randn(2, 3, 2, 16, 4, generator=torch.Generator().manual_seed(7))
    after.requires_grad_()

    found = flow(before, after, 1, 2, (2, 2))
    found.sum().backward()  # type: ignore[no-untyped-call]

    assert found.shape == (3, 2, 24)
    assert after.grad is not None
    assert torch.isfinite(after.grad).all()
    assert after.grad.abs().sum() > 0


def test_every_token_finds_where_it_went() -> None:
    grid = torch.randn(8, 8, 16, generator=torch.Generator().manual_seed(4))
    before, after = grid.flatten(0, 1), moved(grid, 1, -2).flatten(0, 1)

    found = matches(before, after, 2, 3).reshape(8, 8, 5 * 7 + 4)
    inner = found[1:6, 2:7]  # what stays within the grid

    peaks = {divmod(int(place), 7) for place in inner[..., :35].argmax(-1).flatten()}
    assert peaks == {(2 + 1, 3 - 2)}
    assert inner[..., 35].mean() == pytest.approx(1 / 2, abs=0.05)
    assert inner[..., 36].mean() == pytest.approx(-2 / 3, abs=0.05)
    assert inner[..., 38].min() == pytest.approx(1)


def test_a_search_is_standardised_over_the_shifts_that_exist() -> None:
    before, after = torch.randn(2, 3, 25, 4, generator=torch.Generator().manual_seed(5))

    found = matches(before, after, 1, 1)[..., :9]  # (3, N, S)
    corner, middle = found[:, 0], found[:, 12]

    # From the top left corner, four of nine shifts stay in the grid.
    assert (corner == 0).sum(-1).tolist() == [5, 5, 5]
    for values in (corner.reshape(3, 3, 3)[:, 1:, 1:].flatten(1), middle):
        torch.testing.assert_close(values.mean(-1), torch.zeros(3), atol=1e-5, rtol=0)
        torch.testing.assert_close(values.square().mean(-1), torch.ones(3), atol=1e-2, rtol=0)
