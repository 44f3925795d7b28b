"""What is varied in each curve: its places, with the servers they need running."""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from tests.benchmark import http_load
from tests.benchmark.growth.measuring import Place
from tests.benchmark.http_load import Requests
from tests.benchmark.photos import QUALITY, SIZE
from tests.benchmark.server_processes import model_servers, one_gateway, running_servers

CLIENTS = 16
CLASSES = (2, 100, 1000)
_REPLICAS = (1, 2, 4)
_NAME = "bench"
# A busy machine may slow a measurement down; it shall not end it.
_PATIENT = {"model_timeout_seconds": 30.0}
# Four large requests at once hold 128 pictures of 32 each.
_BATCH_CLIENTS = 4
_LARGE_PHOTOS = 4
# So many photos side by side and one above the other: detail stays that of a photo.
_TILES = (1, 2, 3, 5, 7, 10)
_SMALL_SIZE = (365, 274)


@dataclass(frozen=True)
class Material:
    """What all curves are measured with; models are by their number of classes."""

    folder: Path
    models: dict[int, Path]
    photos: tuple[bytes, ...]


@dataclass(frozen=True)
class Plan:
    """One curve to be measured."""

    name: str
    title: str
    x_label: str
    fixed: str
    points: int
    open_places: Callable


@contextmanager
def _vary_clients(material):
    with _one_server(material) as stack:
        requests = Requests(stack.port, material.photos)
        yield [Place(n, stack, requests, n) for n in (1, 2, 4, 8, 16, 32, 64)]


@contextmanager
def _vary_replicas(material):
    """As many servers as the last point has; each point's gateway knows its share."""
    models, cores = _models(material), sorted(os.sched_getaffinity(0))
    pinned = [cores[number % len(cores)] for number in range(_REPLICAS[-1])]
    with ExitStack() as running:
        servers = running.enter_context(model_servers(models, material.folder, pinned))
        places = []
        for replicas in _REPLICAS:
            known = dict(itertools.islice(servers.items(), replicas))
            stack = running.enter_context(one_gateway(known, models, **_PATIENT))
            requests = Requests(stack.port, material.photos)
            places.append(Place(replicas, stack, requests, CLIENTS))
        yield places


@contextmanager
def _vary_batch(material):
    with _one_server(material) as stack:
        places = []
        for images in (1, 2, 4, 8, 16, 32):
            body, content_type = http_load.in_one_form(material.photos[:images])
            requests = Requests(stack.port, (body,), content_type, images)
            places.append(Place(images, stack, requests, _BATCH_CLIENTS))
        yield places


@contextmanager
def _vary_megapixels(material):
    sized = [(_shrink(material.photos), _SMALL_SIZE)]
    for tiles in _TILES:
        width, height = SIZE
        sized.append(
            (tile_photos(material.photos, tiles), (tiles * width, tiles * height))
        )
    with _one_server(material) as stack:
        yield [
            Place(
                round(width * height / 1e6, 1),
                stack,
                Requests(stack.port, photos),
                CLIENTS,
            )
            for photos, (width, height) in sized
        ]


@contextmanager
def _vary_models(material):
    (path,) = _models(material).values()
    with ExitStack() as running:
        places = []
        for count in (1, 4, 16):
            names = [f"{_NAME}-{number}" for number in range(count)]
            stack = running.enter_context(
                _running(dict.fromkeys(names, path), material.folder / str(count))
            )
            requests = Requests(
                stack.port,
                material.photos,
                paths=tuple(f"/predict?model={name}" for name in names),
            )
            places.append(Place(count, stack, requests, CLIENTS))
        yield places


@contextmanager
def _vary_classes(material):
    models = {f"classes-{classes}": path for classes, path in material.models.items()}
    with _running(models, material.folder) as stack:
        places = []
        for name, classes in zip(models, material.models, strict=True):
            paths = (f"/predict?model={name}",)
            requests = Requests(stack.port, material.photos, paths=paths)
            places.append(Place(classes, stack, requests, CLIENTS))
        yield places


def _models(material):
    return {_NAME: material.models[CLASSES[0]]}


def _one_server(material):
    return _running(_models(material), material.folder)


def _running(models, folder):
    return running_servers(models, folder, **_PATIENT)


def tile_photos(photos, tiles):
    """A few pictures, each of tiles x tiles photos; as many bytes a pixel as they."""
    if tiles == 1:
        return photos
    opened = [Image.open(io.BytesIO(photo)) for photo in photos]
    width, height = SIZE
    pictures = []
    for first in range(_LARGE_PHOTOS):
        picture = Image.new("RGB", (tiles * width, tiles * height))
        for place in range(tiles * tiles):
            photo = opened[(first + place) % len(opened)]
            row, column = divmod(place, tiles)
            picture.paste(photo, (column * width, row * height))
        pictures.append(_encode(picture))
    return tuple(pictures)


def _shrink(photos):
    return tuple(
        _encode(Image.open(io.BytesIO(photo)).resize(_SMALL_SIZE)) for photo in photos
    )


def _encode(picture):
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


_ONE = "one model server on all cores"
PLANS = (
    Plan(
        name="clients",
        title="Clients at once",
        x_label="clients",
        fixed=f"one photo a request, {_ONE}",
        points=7,
        open_places=_vary_clients,
    ),
    Plan(
        name="replicas",
        title="Model servers, each on one core",
        x_label="model servers, pinned to the cores in turn",
        fixed=f"{CLIENTS} clients, one photo a request; the gateway and the load are "
        "on all cores",
        points=len(_REPLICAS),
        open_places=_vary_replicas,
    ),
    Plan(
        name="batch",
        title="Photos in one request",
        x_label="photos in one multipart form",
        fixed=f"{_BATCH_CLIENTS} clients, {_ONE}",
        points=6,
        open_places=_vary_batch,
    ),
    Plan(
        name="megapixels",
        title="Size of the photo",
        x_label="megapixels",
        fixed=f"{CLIENTS} clients, one JPEG a request, {_ONE}; above 0.2 megapixels "
        "the photos stand side by side in one JPEG, so that its detail is a photo's",
        points=1 + len(_TILES),
        open_places=_vary_megapixels,
    ),
    Plan(
        name="models",
        title="Models in one server",
        x_label="models, asked in turn",
        fixed=f"{CLIENTS} clients, one photo a request, {_ONE}",
        points=3,
        open_places=_vary_models,
    ),
    Plan(
        name="classes",
        title="Classes of the model",
        x_label="classes, all told in the answer",
        fixed=f"{CLIENTS} clients, one photo a request, {_ONE}",
        points=len(CLASSES),
        open_places=_vary_classes,
    ),
)
