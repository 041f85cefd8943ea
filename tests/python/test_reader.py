"""Files that are read while they arrive."""
import io
import random
import threading

import numpy
import pytest

import compass
from conftest import picture


@pytest.fixture
def data(pixels, model):
    return compass.encode(pixels, model=model)


def expected(data, model, **wish):
    return compass.decode(data, model=model, **wish)


def test_layers_come_as_bytes_do(data, model):
    reader = compass.Reader(model=model)
    info = compass.read_info(data)
    assert reader.info is None and reader.next_layer() is None and reader.next() is None and not reader.done
    chance = random.Random(4)
    shown, at = [], 0
    while at < len(data):
        assert reader.need > at or reader.need == 0
        count = chance.choice((1, 7, 100))
        reader.push(data[at:at + count])
        at = min(len(data), at + count)
        for pixels in reader:
            assert at >= info.layers[len(shown)].end
            shown.append(pixels)
        assert len(shown) == sum(layer.end <= at for layer in info.layers)
    assert reader.done and reader.need == 0 and reader.info == info
    for layer, pixels in enumerate(shown):
        numpy.testing.assert_array_equal(pixels, expected(data, model, layer=layer))


def test_need_is_enough(data, model):
    reader = compass.Reader(model=model)
    reader.push(data[:1])
    layers = 0
    while not reader.done:
        reader.push(data[reader._pushed:reader.need])
        layers += len(list(reader))
    assert layers == 3 and reader._pushed == len(data)


@pytest.mark.parametrize('wish', [{'layer': 1}, {'size': (30, 20)}, {'region': (10, 12, 30, 9)},
                                  {'layer': 1, 'region': (3, 4, 5, 6)}, {'dtype': numpy.uint16}])
def test_sources(data, model, wish):
    read_to = []

    def read(offset, size):
        read_to.append(min(offset + size, len(data)))
        return data[offset:offset + size]

    for source in (read, io.BytesIO(data)):
        reader = compass.Reader(source, model=model, **wish)
        last = list(reader)[-1]
        numpy.testing.assert_array_equal(last, expected(data, model, **wish))
        assert reader.done
    if wish.get('layer') == 1:
        assert max(read_to) <= max(1024, compass.read_info(data).layers[1].end)


def test_what_a_source_raises_comes_out(data, model):
    broken = False

    def read(offset, size):
        if broken:
            raise ConnectionError('gone')
        return data[offset:offset + size]

    reader = compass.Reader(read, model=model)
    assert reader.next_layer() is not None
    broken = True
    with pytest.raises(ConnectionError):
        reader.next_layer()
    broken = False
    assert len(list(reader)) == 2
    with pytest.raises(compass.Error) as caught:
        reader.push(b'x')
    assert caught.value.status == compass.Status.USAGE


def test_alpha_and_depth(model):
    rgba = numpy.dstack((picture(40, 30), (numpy.arange(1200).reshape(30, 40) % 256).astype(numpy.uint8)))
    data = compass.encode(rgba, model=model)
    for dtype in (numpy.uint8, numpy.uint16):
        last = list(compass.Reader(io.BytesIO(data), model=model, dtype=dtype))[-1]
        numpy.testing.assert_array_equal(last, expected(data, model, dtype=dtype))


def test_ranges_are_enough(data, model):
    reader = compass.Reader(model=model)
    with pytest.raises(compass.Error) as caught:
        reader.ranges()
    assert caught.value.status == compass.Status.NEED
    info = compass.read_info(data)
    reader.push(data[:info.layers[0].offset])
    for offset, size in reversed(reader.ranges(layer=1)):
        reader.push_at(offset, data[offset:offset + size])
    reader.select(layer=1)
    assert len(list(reader)) == 2 and reader.done
    reader.select()
    assert len(list(reader)) == 2 and not reader.done and reader.need == len(data)


def test_damage(data, model):
    reader = compass.Reader(model=model)
    reader.push(data[:-1])
    assert len(list(reader)) == 2
    reader.end()
    with pytest.raises(compass.Error) as caught:
        reader.next_layer()
    assert caught.value.status == compass.Status.DAMAGED and reader.done
    for start, status in ((b'not a file', compass.Status.BAD_FILE), (data[:5], compass.Status.BAD_FILE)):
        reader = compass.Reader(model=model)
        reader.push(start)
        reader.end()
        with pytest.raises(compass.Error) as caught:
            reader.next_layer()
        assert caught.value.status == status


def test_many_at_once(data, model):
    want = expected(data, model)
    failed = []

    def work():
        for _ in range(3):
            last = list(compass.Reader(io.BytesIO(data), model=model, threads=1))[-1]
            if not numpy.array_equal(last, want):
                failed.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


def test_targets():
    model = compass.load_model()
    pixels = picture(96, 64)
    usual = len(compass.encode(pixels, effort=0, model=model))
    target = usual * 11 // 10
    data = compass.encode(pixels, effort=0, model=model, target_size=target)
    assert 0.98 * target <= len(data) <= target
    assert len(compass.encode(pixels, effort=0, model=model, target_bpp=8 * target / (96 * 64))) == len(data)
    layers = compass.read_info(compass.encode(pixels, effort=0, model=model, sizes=[(48, 32), (96, 64)])).layers
    ends = [int(layer.end * 1.2) for layer in layers]
    data = compass.encode(pixels, effort=0, model=model, sizes=[(48, 32), (96, 64)], target_size=ends)
    assert len(data) <= ends[1]
    for wrong in ({'target_size': 5}, {'target_psnr': 99}, {'target_size': 1e4, 'target_psnr': 30}, {'target_bpp': [1, 2]}):
        with pytest.raises(compass.Error) as caught:
            compass.encode(pixels, effort=0, model=model, **wrong)
        assert caught.value.status == compass.Status.USAGE
