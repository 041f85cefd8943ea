// The WebAssembly modules in Node: pixels are those of `compass decode --exact`, to the bit, and files those of `encode --exact`.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { createDecoder } from '../../web/compass.mjs';
import { conformanceFiles, encode, nativeDecode, pixels, publish, requireSame, root, tinyModel, wasm } from './native.mjs';

const decoder = await createDecoder({ wasm, model: tinyModel });
const fails = (status, work) => assert.throws(work, (error) => {
  assert.equal(error.name, 'CompassError');
  assert.equal(error.status, status, error.message);
  assert.ok(error.message.length > 0 && !error.message.includes('\n'));
  return true;
});
const tiny = { decoder, model: tinyModel };
const same = (bytes, options, what, by = tiny) => {
  const wanted = nativeDecode(bytes, options, by.model);
  const got = by.decoder.decode(bytes, options);
  requireSame(got, wanted, `${what} ${JSON.stringify(options)}`);
  assert.equal(got.damage !== undefined, wanted.damaged, what);
  return got;
};

// The middle part, and an odd size between the largest and the one below.
const partOf = ({ width, height }) => ({
  x: Math.floor(width / 3), y: Math.floor(height / 4), width: Math.ceil(width / 2), height: Math.ceil(height / 2),
});
const sizeOf = ({ width, height }) => ({ width: Math.ceil(width * 0.7), height: Math.ceil(height * 0.7) });

function checkAll(bytes, what, by = tiny) {
  const info = by.decoder.info(bytes);
  const top = info.layers.at(-1);
  for (const layer of info.layers.keys()) {
    const got = same(bytes, { layer }, what, by);
    assert.deepEqual([got.layer, got.width, got.height], [layer, info.layers[layer].width, info.layers[layer].height]);
  }
  same(bytes, { region: partOf(top) }, what, by);
  same(bytes, { region: partOf(info.layers[0]), layer: 0 }, what, by);
  same(bytes, { size: sizeOf(top) }, what, by);
}

// Each folder's files, and the model that they were made with.
for (const [folder, name] of [['files', 'tiny'], ['trellis_files', 'tiny_trellis'], ['wide_files', 'wide']]) {
  const model = `${root}/tests/data/${name}.safetensors`;
  const by = { decoder: await createDecoder({ wasm, model }), model };
  for (const { name: file, bytes } of conformanceFiles(folder)) {
    test(`${folder}/${file}: layers, a region, a size`, () => checkAll(bytes, file, by));
  }
}

test('alpha, grey, grey with alpha', () => {
  for (const depth of [4, 1, 2]) {
    const bytes = encode(75, 50, { depth });
    checkAll(bytes, `${depth} samples a pixel`);
    const info = decoder.info(bytes);
    assert.equal(info.alpha, depth % 2 === 0);
    assert.equal(info.grey, depth < 3);
  }
});

test('one pixel, and one pixel high', () => {
  for (const [width, height] of [[1, 1], [200, 1], [1, 130]]) checkAll(encode(width, height), `${width}x${height}`);
});

test('cut and damaged files give what the command gives', () => {
  const bytes = encode(150, 100);
  const { layers } = decoder.info(bytes);
  const cut = bytes.subarray(0, layers[1].end + 3);
  assert.equal(same(cut, {}, 'cut in layer 2').layer, 1);
  const damaged = bytes.slice();
  damaged[layers[1].offset + 5] ^= 0x40;
  assert.equal(same(damaged, {}, 'damaged in layer 1').layer, 0);
  fails('damaged', () => decoder.decode(cut, { strict: true }));
  fails('damaged', () => decoder.decode(bytes.subarray(0, layers[0].end - 1)));
  same(bytes, {}, 'whole, after all that');
});

test('any bytes: an error or a picture, never a trap', () => {
  const bytes = encode(70, 60);
  let seed = 7;
  const random = (n) => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
  for (let i = 0; i < 200; ++i) {
    const file = bytes.slice(0, i % 3 === 0 ? random(bytes.length) : bytes.length);
    for (let k = 0; k < 1 + (i % 4) && file.length > 0; ++k) file[random(file.length)] ^= 1 << random(8);
    try {
      decoder.decode(file);
    } catch (error) {
      assert.ok(['bad-file', 'damaged', 'model', 'need'].includes(error.status), `${error.status}: ${error.message}`);
    }
  }
  same(bytes, {}, 'whole, after all that');
});

test('the header alone', () => {
  const bytes = encode(150, 100);
  const whole = decoder.info(bytes);
  assert.equal(whole.layers.length, 3);
  assert.deepEqual(decoder.info(bytes.subarray(0, whole.layers[0].offset)), whole);
  assert.throws(() => decoder.info(bytes.subarray(0, 20)), (error) => error.status === 'need' && error.need > 20);
  fails('bad-file', () => decoder.info(new Uint8Array(100)));
  assert.equal(whole.decoderId, decoder.decoderId);
});

test('wrong use', async () => {
  const bytes = encode(30, 20);
  fails('usage', () => decoder.decode(bytes, { layer: 3 }));
  fails('usage', () => decoder.decode(bytes, { layer: 0.5 }));
  fails('usage', () => decoder.decode(bytes, { region: { x: 0, y: 0, width: 31, height: 1 } }));
  fails('usage', () => decoder.decode(bytes, { region: { x: 0, y: 0, width: 0, height: 0 } }));
  fails('usage', () => decoder.decode(bytes, { size: { width: 0, height: 0 } }));
  const without = await createDecoder({ wasm });
  fails('usage', () => without.decode(bytes));
  assert.equal(without.info(bytes).layers.length, 3);
  fails('model', () => without.useModel(new Uint8Array(50)));
  without.useModel(new Uint8Array(readFileSync(tinyModel)));
  requireSame(without.decode(bytes), decoder.decode(bytes), 'a later model');
  await assert.rejects(createDecoder({ wasm: '/no/such/file' }), (error) => error.status === 'io');
  await assert.rejects(createDecoder({ wasm: tinyModel }), (error) => error.status === 'failure');
});

test("another model's file", async () => {
  const bytes = encode(30, 20);
  bytes[5] ^= 1;  // the id, and with it the header's checksum
  fails('bad-file', () => decoder.decode(bytes));
  const other = await createDecoder({ wasm, model: `${root}/models/lite.safetensors` });
  fails('model', () => other.decode(encode(30, 20)));
});

test('pictures beyond the limits are refused before memory is taken', async () => {
  const bytes = encode(60, 40);
  const small = await createDecoder({ wasm, model: tinyModel, maxPixels: 60 * 40 - 1 });
  fails('bad-file', () => small.decode(bytes));
  const tight = await createDecoder({ wasm, model: tinyModel, maxMemory: 100000 });
  fails('bad-file', () => tight.decode(bytes));
});

test('a call that runs out of memory says so, and the next one works', async () => {
  const bytes = encode(60, 40);
  const { memory: before } = decoder;
  const reader = decoder.open();
  // More than the module's memory, in one piece and in its own allocations.
  fails('failure', () => decoder.info(new Uint8Array(2 ** 31 - 1)));
  requireSame(decoder.decode(bytes), nativeDecode(bytes), 'after too many bytes');
  assert.ok(decoder.memory < 2 * before + 2 ** 26);
  reader.push(bytes, 0);
  reader.close();
  const unlimited = await createDecoder({ wasm, model: tinyModel });
  const filled = unlimited.open();
  fails('failure', () => filled.push(new Uint8Array(1.2e9), 0));  // there is room for these once
  requireSame(unlimited.decode(bytes), nativeDecode(bytes), 'after a trap');
  fails('failure', () => filled.info());  // it went with the instance
  filled.close();
});

test('a reader gives each layer as its bytes arrive', () => {
  const bytes = encode(150, 100);
  const reader = decoder.open();
  let layer = 0;
  for (let i = 0; i < bytes.length; i += 7) {
    reader.push(bytes.subarray(i, i + 7), i);
    const { end } = i < 100 ? { end: Infinity } : reader.info().layers[layer] ?? { end: Infinity };
    const got = reader.next();
    assert.equal(got !== null, i + 7 >= end, `at ${i}`);
    if (got !== null) requireSame(got, nativeDecode(bytes, { layer: layer++ }), `layer ${got.layer}`);
  }
  assert.equal(layer, 3);
  assert.equal(reader.next(), null);
  reader.close();
  fails('usage', () => reader.next());
});

test('a reader decodes a region of a large picture from the ranges that it names', () => {
  const bytes = encode(1500, 1100);
  const wish = { region: { x: 1201, y: 805, width: 130, height: 90 } };
  const reader = decoder.open();
  const pushed = new Set();
  let head = 256, ranges;
  while (ranges === undefined) {
    reader.push(bytes.subarray(0, head), 0);
    try {
      ranges = reader.ranges(wish);
    } catch (error) {
      assert.equal(error.status, 'need');
      assert.ok(error.need > head);
      head = error.need;
    }
  }
  let total = 0;
  for (const { offset, size } of ranges) {
    reader.push(bytes.subarray(offset, offset + size), offset);
    total += size;
  }
  assert.ok(total < bytes.length / 2, `${total} of ${bytes.length}`);
  reader.select(wish);
  assert.equal(reader.next({ skip: true }).data, undefined);
  let last;
  for (let got = reader.next(); got !== null; got = reader.next()) last = got;
  assert.deepEqual([last.x, last.y, last.isLast], [1201, 805, true]);
  requireSame(last, nativeDecode(bytes, wish), 'the region');
  reader.close();
});

const encoderWasm = path.join(path.dirname(wasm), 'compass-encoder.wasm');

test('encoding gives the bytes of `compass encode --exact`', async () => {
  const encoder = await createDecoder({ wasm: encoderWasm, model: tinyModel });
  assert.ok(encoder.canEncode);
  for (const depth of [3, 4]) {
    const picture = { width: 150, height: 97, data: pixels(150, 97, depth) };
    assert.deepEqual(encoder.encode(picture, { effort: 0 }), encode(150, 97, { depth, options: ['--exact'] }), `${depth} samples`);
  }
  const picture = { width: 60, height: 41, data: pixels(60, 41, 3) };
  const layers = [{ width: 1, height: 1 }, { width: 33, height: 40 }, { width: 60, height: 41 }];
  const bytes = encoder.encode(picture, { quality: 30, effort: 2, layers });
  assert.deepEqual(encoder.info(bytes).layers.map(({ width, height, quality }) => ({ width, height, quality })), layers.map((layer) => ({ ...layer, quality: 30 })));
  requireSame(encoder.decode(bytes), nativeDecode(bytes), 'what it encoded');
});

test('what cannot be encoded', async () => {
  const picture = { width: 9, height: 7, data: pixels(9, 7, 3) };
  fails('usage', () => decoder.encode(picture));  // compass.wasm
  const encoder = await createDecoder({ wasm: encoderWasm, model: tinyModel });
  for (const wrong of [{ ...picture, width: 0 }, { ...picture, width: 8 }, { ...picture, height: 1.5 }]) fails('usage', () => encoder.encode(wrong));
  for (const options of [{ quality: 101 }, { quality: NaN }, { effort: 41 }, { layers: [{ width: 9, height: 8 }] }, { layers: Array(256).fill({ width: 9, height: 7 }) }]) {
    fails('usage', () => encoder.encode(picture, options));
  }
  const { site, decoder: id } = publish();
  const half = await createDecoder({ wasm: encoderWasm, model: path.join(site, 'compass/model', id, 'base.gz') });
  fails('model', () => half.encode(picture));
  assert.ok(encoder.encode(picture).length > 0);  // after all that
});
