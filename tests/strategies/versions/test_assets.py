"""A strategy's files that are not Python: hashed, kept, handed in as bytes, and never believed unverified."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from strategies.deployments.selectors import traded
from strategies.deployments.services import create_deployment
from strategies.models import Deployment, StrategyVersion
from strategies.versions import files, kept, registry
from strategies.versions.files import BrokenContract, hash_of, sources
from strategies.versions.loading import load
from strategies.versions.registry import UnknownVersion
from tests.rows import open_season

WEIGHTS = b"\x00\xff weights"
MODEL = '''
"""Buys what its model says."""

from collections.abc import Mapping

from trading.signals import Signal

from .deep.layers import LAYERS

ASSETS: Mapping[str, bytes]
SIZE = len(ASSETS["model.onnx"])
STRATEGY_NAME, STRATEGY_VERSION, SYMBOLS = "model", "1.0.0", ["BTC/USD"]


def generate_signal(data, config, state):
    return Signal.buy("BTC/USD", SIZE)
'''


def write_model(folder: Path, weights: bytes = WEIGHTS) -> Path:
    package = folder / "model"
    (package / "deep").mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(MODEL)
    (package / "model.onnx").write_bytes(weights)
    (package / "deep" / "__init__.py").write_text("")
    (package / "deep" / "layers.py").write_text('from . import ASSETS\nLAYERS = ASSETS["layers.txt"]\n')
    (package / "deep" / "layers.txt").write_bytes(b"3")
    return package


@pytest.fixture
def deployment(folder: Path, db: None) -> Deployment:
    """Return a deployment whose version can be had only from its row."""
    open_season()
    package = write_model(folder)
    row = create_deployment(by="anna", slug="model", name="Model", strategy="model")
    (package / "model.onnx").write_bytes(b"edited since")
    registry.rescan()
    return row


def tamper(row: Deployment, kept_files: Mapping[str, bytes]) -> None:
    """Write other files into the row of the version that a deployment trades."""
    packed = zlib.compress(msgspec.msgpack.encode(kept_files))
    StrategyVersion.objects.filter(hash=row.strategy_hash).update(sources=packed)


def kept_files(row: Deployment) -> dict[str, bytes]:
    return kept.kept_files(StrategyVersion.objects.get(hash=row.strategy_hash))


def test_a_package_finds_the_bytes_of_its_assets_before_its_code_runs(folder: Path) -> None:
    write_model(folder)

    names = registry.strategy("model").generate_signal.__globals__

    assert names["ASSETS"] == {"deep/layers.txt": b"3", "model.onnx": WEIGHTS}
    assert (names["SIZE"], names["LAYERS"]) == (10, b"3")


def test_no_code_can_change_an_asset_for_another(folder: Path) -> None:
    write_model(folder)
    assets = registry.strategy("model").generate_signal.__globals__["ASSETS"]

    with pytest.raises(TypeError):
        assets["model.onnx"] = b""


def test_an_edited_asset_is_another_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "LOOK_EVERY_S", 0)
    write_model(folder)
    before = registry.strategy("model")

    write_model(folder, WEIGHTS[::-1] + b"!")
    registry.refresh()

    assert registry.strategy("model").hash != before.hash


def test_the_hash_of_a_package_of_python_files_alone_stays_what_deployments_are_tied_to(tmp_path: Path) -> None:
    written = {
        "_rules/__init__.py": "",
        "_rules/sizes.py": "SIZE = 20\n",
        "dips/__init__.py": "from .._rules.sizes import SIZE\nfrom .deep.config import Config\n",
        "dips/deep/__init__.py": "",
        "dips/deep/config.py": "class Config: ...\n",
    }
    for name, text in written.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)

    found = sources(tmp_path / "dips")

    assert list(found) == list(written)
    assert hash_of(found) == "6f0009d68547725b63d7d2411338912ecb0c1bfd2a8904d1b01b486bbf392527"


def test_hidden_files_caches_and_backups_are_no_assets(tmp_path: Path) -> None:
    package = write_model(tmp_path)
    before = sources(package)
    (package / "__pycache__").mkdir()
    (package / ".idea").mkdir()
    for name in (".DS_Store", ".idea/model.iml", "__pycache__/notes.txt", "deep/layers.cpython-311.pyc", "model.onnx~"):
        (package / name).write_bytes(b"left over")

    assert sources(package) == before


def test_a_package_too_big_to_keep_names_the_file_its_size_and_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = write_model(tmp_path, bytes(2_000))
    monkeypatch.setattr(files, "MOST_BYTES", 2_048)

    with pytest.raises(BrokenContract, match=r"model/model.onnx has 2,000 bytes, .* expected at most 2,048 bytes"):
        sources(package)


def test_a_package_of_too_many_files_names_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FILES", 3)

    with pytest.raises(BrokenContract, match="more than 3 files"):
        sources(write_model(tmp_path))


@pytest.mark.parametrize("target", ["/etc/hostname", "deep", "nowhere"])
def test_an_asset_that_is_a_link_is_refused(tmp_path: Path, target: str) -> None:
    package = write_model(tmp_path)
    (package / "linked.bin").symlink_to(target)

    with pytest.raises(BrokenContract, match=r"model/linked.bin is no regular file"):
        sources(package)


def test_an_asset_with_a_backslash_in_its_name_is_refused(tmp_path: Path) -> None:
    package = write_model(tmp_path)
    (package / "deep\\model.bin").write_bytes(b"")

    with pytest.raises(BrokenContract, match="has a backslash"):
        sources(package)


def test_files_that_changed_since_they_were_verified_are_not_imported(tmp_path: Path) -> None:
    package = write_model(tmp_path)
    (package / "__init__.py").write_text("raise SystemExit('it ran')\n")

    with pytest.raises(BrokenContract, match=r"its files have the hash .*; expected abababab"):
        load(package, expected_hash="ab" * 32)


def test_a_kept_version_trades_on_with_the_assets_it_was_kept_with(deployment: Deployment) -> None:
    strategy = registry.strategy_of(deployment)

    assert strategy.generate_signal.__globals__["ASSETS"]["model.onnx"] == WEIGHTS
    assert strategy.path == str(kept.kept_folder() / deployment.strategy_hash / "model")


def test_a_tampered_asset_is_neither_written_nor_imported_and_the_deployment_says_so(deployment: Deployment) -> None:
    tamper(deployment, {**kept_files(deployment), "model/model.onnx": b"buy all"})

    strategy, why = traded(deployment)

    assert strategy is None
    assert "what was kept of it has another hash" in why
    assert not kept.kept_folder().exists()


@pytest.mark.parametrize(
    "name", ["../escaped.py", "/tmp/escaped.py", "model/../../escaped.py", "model\\escaped.py", "model/a\0b.py", ""]
)
def test_a_kept_file_whose_name_leads_elsewhere_is_refused_even_under_its_own_hash(
    deployment: Deployment, name: str
) -> None:
    tampered = {**kept_files(deployment), name: b"raise SystemExit\n"}
    tamper(deployment, tampered)
    StrategyVersion.objects.filter(hash=deployment.strategy_hash).update(hash=hash_of(tampered))
    deployment.strategy_hash = hash_of(tampered)

    with pytest.raises(UnknownVersion, match="what was kept of it holds a file "):
        registry.strategy_of(deployment)

    assert not kept.kept_folder().exists()


def test_a_row_that_unpacks_without_end_is_cut_short(deployment: Deployment) -> None:
    tamper(deployment, {"model/__init__.py": bytes(3 * files.MOST_BYTES)})

    with pytest.raises(UnknownVersion, match="what was kept of it cannot be read"):
        registry.strategy_of(deployment)


def test_a_row_of_noise_is_refused(deployment: Deployment) -> None:
    StrategyVersion.objects.filter(hash=deployment.strategy_hash).update(sources=b"noise")

    with pytest.raises(UnknownVersion, match="what was kept of it cannot be read"):
        registry.strategy_of(deployment)


def test_a_version_that_is_no_hash_names_no_folder(deployment: Deployment) -> None:
    deployment.strategy_hash = "../../elsewhere"

    with pytest.raises(UnknownVersion, match=r"'../../elsewhere' is no hash"):
        registry.strategy_of(deployment)


def test_pages_and_the_api_show_assets_by_name_and_size(deployment: Deployment, admin_client: Client) -> None:
    row = StrategyVersion.objects.get(hash=deployment.strategy_hash)

    page = admin_client.get(reverse("admin:strategies_strategyversion_change", args=[row.pk])).content.decode()
    detail = admin_client.get("/api/v1/deployments/model/").json()
    listed = admin_client.get("/api/v1/strategies/").json()["strategies"]

    sizes = [{"name": "model/deep/layers.txt", "bytes": 1}, {"name": "model/model.onnx", "bytes": 10}]
    assert "<p><code>model/model.onnx</code> 10 bytes</p>" in page
    assert "weights" not in page
    assert detail["traded_version"]["assets"] == sizes
    assert [each["assets"] for each in listed if each["name"] == "model"] == [
        [sizes[0], {"name": "model/model.onnx", "bytes": 12}]
    ]


def test_the_admin_says_of_a_tampered_version_that_it_is_one(deployment: Deployment, admin_client: Client) -> None:
    tamper(deployment, {"model/__init__.py": b"pass\n"})
    row = StrategyVersion.objects.get(hash=deployment.strategy_hash)

    page = admin_client.get(reverse("admin:strategies_strategyversion_change", args=[row.pk])).content.decode()

    assert "what was kept of it has another hash" in page


def test_the_commands_show_assets_by_name_and_size(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    package = write_model(folder)

    call_command("liststrategies")
    call_command("checkstrategy", str(package), minutes=1)

    shown = capsys.readouterr().out
    assert shown.count("asset model/model.onnx: 10 bytes") == 2
