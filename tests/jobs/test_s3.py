"""Sources and corpus on an object store, served on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.fs as pafs
import pytest
import torch

from curate import TokenDataset
from curate.tokens import read_tokens
from manifests.corpus import Corpus
from manifests.errors import StorageError
from tests.videos import Videos


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Environment that leads S3 clients to an empty server of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("moto") / "log"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("w") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        deadline = time.monotonic() + 60
        while not _answers(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        server.terminate()


def _answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_a_corpus_on_s3_is_made_from_videos_on_s3(
    store: dict[str, str], videos: Videos, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in store.items():
        monkeypatch.setenv(name, value)
    fs = pafs.S3FileSystem(allow_bucket_creation=True, endpoint_override=store["AWS_ENDPOINT_URL"])
    fs.create_dir("bucket")
    for name in ("plain", "hard_cut", "text"):
        path: Path = videos[name].path
        with fs.open_output_stream(f"bucket/in/{path.name}") as stream:
            stream.write(path.read_bytes())
    command = [sys.executable, "-c", "from jobs.cli import main; main()", "run", "s3://bucket/in"]
    options = ["--corpus", "s3://bucket/corpus", "--until", "encode", "--set", "clips.min_s=1.0"]
    models = ["--embedder", "bundled", "--encoder", "bundled", "--set", "encode.min_steps=4"]
    for expected in (3, 0):  # files to scan: all, then none
        done = subprocess.run(
            [*command, *options, *models, "--json"],
            capture_output=True,
            text=True,
            env=os.environ | store,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        record = json.loads(done.stdout)
        assert record["stages"]["scan"]["new"] == expected
    corpus = Corpus("s3://bucket/corpus")
    rows = {row["uri"]: row["status"] for row in corpus.read("videos").iter_rows(named=True)}
    assert rows == {
        "s3://bucket/in/hard_cut.mp4": "ok",
        "s3://bucket/in/plain.mp4": "ok",
        "s3://bucket/in/text.mp4": "failed",
    }
    assert set(corpus.read("features")["file"].drop_nulls()) <= set(corpus.folder.files("features"))
    dataset = TokenDataset("s3://bucket/corpus", window=4, kept=False)
    stored = read_tokens(
        corpus.folder, [(str(dataset.index.spans["file"][0]), int(dataset.index.spans["row"][0]))]
    )[0]
    assert np.array_equal(dataset[1]["tokens"].numpy(), stored[4:8])
    plain, batched = list(dataset.stream()), next(iter(dataset.stream(batch_size=3)))
    assert len(plain) == len(dataset)
    for sample, tokens in zip(plain, batched["tokens"], strict=False):
        assert torch.equal(sample["tokens"], tokens)
    with pytest.raises(StorageError, match="nowhere"):
        Corpus("s3://nowhere/corpus").folder.write(b"x", "file")
