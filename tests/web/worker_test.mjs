// The decoder on another thread, files fetched in parts, and the choice of layers: in Node.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test, { after } from 'node:test';
import { createDecoder } from '../../web/compass.mjs';
import { DecoderPool } from '../../web/decoder_pool.mjs';
import { layerFor, statedWidth } from '../../web/layer_choice.mjs';
import { PictureLoader } from '../../web/picture_loader.mjs';
import { RemoteFile } from '../../web/remote_file.mjs';
import { createWorkerDecoder } from '../../web/worker_decoder.mjs';
import { directory, encode, nativeDecode, requireSame, tinyModel, wasm } from './native.mjs';
import { startServer } from './server.mjs';

const decoder = await createDecoder({ wasm, model: tinyModel });
const server = await startServer();
after(() => server.close());
server.files.set('/model', readFileSync(tinyModel));
const serve = (name, bytes) => {
  server.files.set(name, Buffer.from(bytes));
  server.requests.length = 0;
  return server.url + name;
};

test('a worker gives the same pictures and errors, and ends', async () => {
  const bytes = encode(150, 100);
  const worker = await createWorkerDecoder({ wasm, model: tinyModel });
  assert.equal((await worker.about()).decoderId, decoder.decoderId);
  assert.deepEqual(await worker.info(bytes), decoder.info(bytes));
  for (const options of [{}, { layer: 0 }, { size: { width: 60, height: 41 } }, { region: { x: 3, y: 4, width: 50, height: 60 } }]) {
    requireSame(await worker.decode(bytes, options), decoder.decode(bytes, options), JSON.stringify(options));
  }
  const buffer = Buffer.from(bytes);  // Node's own kind of bytes stays the caller's
  assert.deepEqual(await worker.info(buffer), decoder.info(bytes));
  requireSame(await worker.decode(buffer), decoder.decode(bytes), 'a Buffer, again');
  await assert.rejects(worker.decode(bytes, { layer: 3 }), (error) => error.status === 'usage' && error.name === 'CompassError');
  await assert.rejects(worker.info(bytes.subarray(0, 20)), (error) => error.status === 'need' && error.need > 20);
  await assert.rejects(worker.decode(bytes, { layer: () => 0 }), (error) => error.status === 'usage');  // cannot be copied
  const reader = await worker.open();
  await reader.push(bytes.subarray(0, 100), 0);
  assert.equal(await reader.next(), null);
  await reader.push(bytes.subarray(100), 100);
  assert.deepEqual([(await reader.next()).layer, await reader.ready()], [0, 1]);
  await reader.close();
  await assert.rejects(reader.next(), (error) => error.status === 'usage');
  const left = worker.decode(bytes);
  worker.close();
  await assert.rejects(left, (error) => error.status === 'failure');
  await assert.rejects(worker.info(bytes), (error) => error.status === 'failure');
  await assert.rejects(createWorkerDecoder({ wasm, model: '/no/such/model' }), (error) => error.status === 'io');
  await assert.rejects(createWorkerDecoder({ wasm, worker: new URL('file:///no/such/worker.mjs') }), (error) => error.status === 'failure');
});

test('the npm package', async () => {
  const folder = path.join(directory, 'node_modules');
  mkdirSync(folder);
  symlinkSync(path.join(path.dirname(wasm), 'package'), path.join(folder, 'compass-codec'));
  const program = path.join(directory, 'use.mjs');
  writeFileSync(program, `import { createDecoder } from 'compass-codec';
    import { createWorkerDecoder } from 'compass-codec/worker';
    for (const decoder of [await createDecoder({ model: process.argv[2] }), await createWorkerDecoder({ model: process.argv[2] })]) {
      console.log((await decoder.info(await (await import('node:fs/promises')).readFile(process.argv[3]))).layers.length);
      decoder.close?.();
    }`);
  const file = path.join(directory, 'package.cmps');
  writeFileSync(file, encode(30, 20));
  assert.equal(execFileSync(process.execPath, [program, tinyModel, file], { encoding: 'utf8' }), '3\n3\n');
});

test('of the calls that wait, small pictures come first', async () => {
  const bytes = encode(150, 100);
  const worker = await createWorkerDecoder({ wasm, model: tinyModel });
  const order = [];
  const call = (name, priority) => worker.decode(bytes, { layer: 0 }, { priority }).then(() => order.push(name));
  await Promise.all([call('first', 9), call('large', 5), call('small', 1), call('large too', 5), call('smallest', 0)]);
  assert.deepEqual(order, ['first', 'smallest', 'small', 'large', 'large too']);
  worker.close();
});

test('a file in parts: no byte twice', async () => {
  const bytes = Uint8Array.from({ length: 10000 }, (_, i) => i * 7 + (i >> 8));
  const file = new RemoteFile(serve('/file', bytes));
  await file.fetch([{ offset: 0, size: 100 }]);
  assert.equal(file.size, 10000);
  await file.fetch([{ offset: 50, size: 100 }, { offset: 1000, size: 200 }]);
  await file.fetch([{ offset: 100, size: 1300 }]);
  assert.deepEqual(server.rangesOf('/file'), [[0, 100], [100, 150], [1000, 1200], [150, 1000], [1200, 1400]]);
  assert.deepEqual(file.head(), bytes.subarray(0, 1400));
  assert.deepEqual(file.head(77), bytes.subarray(0, 77));
  assert.equal(file.requested, 1400);
  await file.fetch([{ offset: 9000, size: 5000 }]);  // beyond the end
  assert.deepEqual(server.rangesOf('/file').at(-1), [9000, 10000]);
  assert.ok(file.has(9000, 20000) && !file.has(8999, 9001));
  const [missing] = file.missing([{ offset: 0, size: 10000 }]);
  assert.deepEqual(missing, { offset: 1400, size: 7600 });
});

test('what is on its way is not asked for again', async () => {
  const file = new RemoteFile(serve('/flights', new Uint8Array(10000)));
  await Promise.all([file.fetch([{ offset: 2000, size: 100 }]), file.fetch([{ offset: 2050, size: 100 }]), file.fetch([{ offset: 1990, size: 90 }])]);
  assert.deepEqual(server.rangesOf('/flights').sort(([a], [b]) => a - b), [[1990, 2000], [2000, 2100], [2100, 2150]]);
  assert.ok(file.has(1990, 2150));
  const gone = new RemoteFile(`${server.url}/nowhere`);
  const both = [file, gone].map((each) => [each.fetch([{ offset: 0, size: 9 }]), each.fetch([{ offset: 0, size: 9 }])]);
  await Promise.all(both[0]);
  for (const fetching of both[1]) await assert.rejects(fetching, (error) => error.status === 'io');
});

test('a file that changes, breaks off, or is not there', async () => {
  const bytes = new Uint8Array(5000).fill(3);
  const file = new RemoteFile(serve('/file', bytes));
  await file.fetch([{ offset: 0, size: 100 }]);
  serve('/file', new Uint8Array(6000));
  await assert.rejects(file.fetch([{ offset: 100, size: 100 }]), (error) => error.status === 'io' && /changed/.test(error.message));
  const gone = new RemoteFile(`${server.url}/nowhere`);
  const fetching = gone.fetch([{ offset: 0, size: 100 }]);
  await assert.rejects(gone.arrival(0, 100, fetching), (error) => error.status === 'io' && /404/.test(error.message));
  const refused = new RemoteFile('http://127.0.0.1:9/file');  // nobody listens
  await assert.rejects(refused.fetch([{ offset: 0, size: 100 }]), (error) => error.status === 'io');
  server.options.breakAfter = 700;  // bytes of each answer
  serve('/broken', bytes);
  const broken = new RemoteFile(`${server.url}/broken`);
  await broken.fetch([{ offset: 0, size: 2000 }]);
  assert.deepEqual(server.rangesOf('/broken'), [[0, 2000], [700, 2000], [1400, 2000]]);
  assert.deepEqual(broken.head(), bytes.subarray(0, 2000));
  await assert.rejects(broken.fetch([{ offset: 2000, size: 3000 }]), (error) => error.status === 'io');
  server.options.breakAfter = Infinity;
});

test('a part of a large picture takes a part of its bytes', async () => {
  const bytes = encode(1500, 1100);
  const pool = new DecoderPool({ wasm: `${server.url}/web/compass.wasm`, model: `${server.url}/model`, workers: 1 });
  const loader = new PictureLoader(serve('/large', bytes), () => pool);
  const wish = { region: { x: 1201, y: 805, width: 130, height: 90 } };
  requireSame(await loader.region(wish), nativeDecode(bytes, wish), 'the part');
  const asked = server.rangesOf('/large').reduce((sum, [from, to]) => sum + to - from, 0);
  assert.equal(asked, loader.file.requested);
  assert.ok(asked < bytes.length * 0.7, `${asked} of ${bytes.length}`);
  const shown = [];
  loader.onPicture = (picture) => shown.push(picture);
  await loader.want(2);
  assert.deepEqual(shown.map(({ layer }) => layer), [0, 1, 2]);
  requireSame(shown[2], nativeDecode(bytes), 'the whole, after it');
  assert.ok(loader.file.requested <= bytes.length);
  const cut = new PictureLoader(serve('/cut', bytes.subarray(0, decoder.info(bytes).layers[2].offset + 5)), () => pool);
  await assert.rejects(cut.region(wish), (error) => error.status === 'damaged');  // in the last layer's index
  pool.close();
});

test('metadata is left out', async () => {
  const bytes = encode(150, 100, { depth: 3, exif: 9000 });
  const { layers } = decoder.info(bytes);
  assert.ok(layers[0].offset > 9000);
  const pool = new DecoderPool({ wasm: `${server.url}/web/compass.wasm`, model: `${server.url}/model`, workers: 1 });
  const shown = [];
  const loader = new PictureLoader(serve('/exif', bytes), () => pool, (picture) => shown.push(picture));
  await loader.want(1);
  requireSame(shown.at(-1), nativeDecode(bytes, { layer: 1 }), 'with metadata');
  assert.deepEqual(server.rangesOf('/exif'), [[0, 256], [layers[0].offset, layers[1].end]]);
  pool.close();
});

test('more pictures than readers may be open', async () => {
  const pool = new DecoderPool({ wasm: `${server.url}/web/compass.wasm`, model: `${server.url}/model`, workers: 2 });
  const bytes = encode(96, 72);
  const url = serve('/many', bytes);
  const wanted = nativeDecode(bytes);
  await Promise.all(Array.from({ length: 15 }, async () => {
    const shown = [];
    await new PictureLoader(url, () => pool, (picture) => shown.push(picture)).want(2);
    requireSame(shown[2], wanted, 'one of many');
  }));
  assert.equal(server.rangesOf('/model').length, 1);
  pool.close();
});

test('the layer that suits a place', () => {
  const layers = [[100, 50], [200, 100], [400, 200]].map(([width, height]) => ({ width, height }));
  const of = (width, height, density, fit) => layerFor(layers, { width, height, density, fit });
  assert.deepEqual([of(100, 50, 1), of(100.4, 50, 1), of(101, 50, 1), of(100, 51, 1), of(100, 50, 1.5)], [0, 0, 1, 1, 1]);
  assert.deepEqual([of(0, 0, 1), of(5000, 5000, 3)], [0, 2]);
  assert.deepEqual([of(100, 150, 1, 'contain'), of(100, 150, 1, 'cover'), of(100, 50, 1, 'none')], [0, 2, 2]);
});

test('the width that a sizes attribute states', () => {
  const page = { matches: (condition) => condition === '(min-width: 10em) and (x)', pixels: (length) => ({ '50vw': 400, 'calc(1px + 2px)': 3 })[length] ?? 0 };
  const of = (sizes) => statedWidth(sizes, page);
  assert.equal(of('50vw'), 400);
  assert.equal(of('(max-width: 1px) 50vw, calc(1px + 2px)'), 3);
  assert.equal(of('(min-width: 10em) and (x) calc(1px + 2px), 50vw'), 3);
  assert.deepEqual([of('auto'), of(''), of(null), of('nonsense'), of('auto, 50vw')], [undefined, undefined, undefined, undefined, 400]);
});
